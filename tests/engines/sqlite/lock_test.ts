import { sql } from "../../support/user_sql.ts";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Database } from "../../../src/engines/database.ts";
import { openLease } from "../../../src/engines/sqlite/lock/lock.ts";
import { createLock } from "../../../src/engines/sqlite/lock/row.ts";
import type { SqliteStatement } from "../../../src/engines/sqlite/connection/statement.ts";
import { engines, openTestDatabase, testClient, withTestDatabase } from "../../support/databases.ts";
import { projectFile } from "../../support/project.ts";

const elsewhere: Client = { ...testClient, host: "web2", pid: 4711, processSpace: "another machine" };

for (const engine of engines.filter((each) => each.dialect === "sqlite")) {
  const check = (rule: string, work: (url: string) => Promise<void>) =>
    test(`${engine.name}: ${rule}`, () => engine.withDatabase(work));
  const expire = (url: string) => engine.query(url, "UPDATE harbor_lock SET expires_at = 0");

  check("a lock that was never taken has no holder, and looking makes no table", async (url) => {
    const reader = await openTestDatabase(url, "read");
    assert.equal(await reader.lockHolder(), undefined);
    await reader.close();
    assert.deepEqual(await engine.query(url, "SELECT name FROM sqlite_schema"), []);
  });

  check("a work's error is not hidden when the lock cannot be freed", async (url) => {
    await withTestDatabase(url, async (database) => {
      const work = database.withLock(async () => {
        await engine.query(url, "DROP TABLE harbor_lock");
        throw new Error("mine");
      });
      await assert.rejects(work, /mine/);
    });
  });

  check("locking twice is a defect", async (url) => {
    await withTestDatabase(url, async (database) => {
      const twice = database.withLock(() => database.withLock(() => Promise.resolve()));
      await assert.rejects(twice, { code: "internal" });
    });
  });

  for (const mode of ["rows", "schema", "alone"] as const) {
    check(`a batch in mode ${mode} fails as a whole once another took the lock over`, async (url) => {
      await withTwo(url, async (first, second) => {
        await first.write([sql`CREATE TABLE t (a)`]);
        const work = first.withLock(async () => {
          await first.write([sql`INSERT INTO t VALUES (1)`], mode);
          await expire(url);
          await second.withLock(() => first.write([sql`INSERT INTO t VALUES (2)`], mode));
        });
        await assert.rejects(work, { code: "lock_lost" });
        assert.deepEqual(await first.read(sql`SELECT a FROM t`), [{ a: 1 }]);
      });
    });
  }

  check("a batch fails when the lock's row is gone", async (url) => {
    await withTestDatabase(url, async (database) => {
      const work = database.withLock(async () => {
        await engine.query(url, "DELETE FROM harbor_lock");
        await database.write([sql`CREATE TABLE t (a)`], "schema");
      });
      await assert.rejects(work, { code: "lock_lost" });
    });
  });

  check("a lapsed lease that nobody took still holds", async (url) => {
    await withTestDatabase(url, async (database) => {
      await database.withLock(async () => {
        await expire(url);
        await database.write([sql`CREATE TABLE t (a)`], "schema");
        assert.notEqual(await database.lockHolder(), undefined);
      });
    });
  });

  check("a holder on another machine keeps the lock until its lease runs out", async (url) => {
    const far = await openTestDatabase(url, "create", elsewhere);
    await withTestDatabase(url, async (database) => {
      await far.withLock(async () => {
        await assert.rejects(database.withLock(() => Promise.resolve()), { code: "locked" });
        await expire(url);
        assert.equal(await database.lockHolder(), undefined);
        await database.withLock(() => Promise.resolve());
      });
    });
    await far.close();
  });

  check("the lock is renewed while its holder does nothing for long", async (url) => {
    await withTestDatabase(url, async (database) => {
      const expiry = () => engine.query(url, "SELECT expires_at FROM harbor_lock");
      await database.withLock(async () => {
        const before = await expiry();
        await Promise.all([sleep(6_500), beatBehindCommit()]);
        assert.notDeepEqual(await expiry(), before);
      });
    });
  });

  check("of many that race for the lock of an empty database no two hold it together", async (url) => {
    await withTestDatabase(
      url,
      (database) =>
        database.write([sql`CREATE TABLE counter (value INTEGER)`, sql`INSERT INTO counter VALUES (0)`]),
    );
    const codes = await Promise.all(Array.from({ length: 6 }, () => race(url)));
    assert.deepEqual(codes, [0, 0, 0, 0, 0, 0]);
    assert.deepEqual(await engine.query(url, "SELECT value FROM counter"), [{ value: 6 }]);
  });
}

/** Lets a heartbeat come when a batch has committed elsewhere, and the word of it has not come yet. */
async function beatBehindCommit(): Promise<void> {
  const handle = new DatabaseSync(":memory:");
  const run = ({ text, values }: SqliteStatement) => Number(handle.prepare(text).run(...values).changes);
  const lease = openLease({
    url: "sqlite://",
    client: testClient,
    read: <Row>({ text, values }: SqliteStatement) =>
      Promise.resolve().then(() => handle.prepare(text).all(...values) as Row[]),
    write: (make) => Promise.resolve(make().map(run)),
  });
  handle.exec(createLock.map(({ text }) => text).join(";"));
  await lease.withLock(async () => {
    const fence = lease.fence()!;
    for (const statement of [fence.first, fence.last]) run(statement);
    await sleep(6_300);
    fence.passed();
    assert.doesNotThrow(() => lease.fence());
  });
  handle.close();
}

async function withTwo(
  url: string,
  work: (first: Database, second: Database) => Promise<void>,
): Promise<void> {
  await withTestDatabase(url, (first) => withTestDatabase(url, (second) => work(first, second)));
}

async function race(url: string): Promise<number> {
  const script = projectFile("tests/support/lock_racer.ts");
  const racer = spawn(process.execPath, ["run", "-A", "--no-check", script, url], {
    stdio: ["ignore", "inherit", "inherit"],
    cwd: projectFile("."),
  });
  const [code] = await once(racer, "exit");
  return code;
}
