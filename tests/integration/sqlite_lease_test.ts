import { sql } from "drizzle-orm";
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Database } from "../../src/db/database.ts";
import { engines, openTestDatabase, testClient, withTestDatabase } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

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

  check("the holder is named while it works and forgotten afterwards", async (url) => {
    await withTestDatabase(url, async (database) => {
      const holder = await database.withLock(() => database.lockHolder());
      assert.equal(holder?.owner, `pid ${process.pid} on ${testClient.host}`);
      assert.ok(Math.abs(Date.parse(holder.since!) - Date.now()) < 60_000);
      assert.equal(await database.lockHolder(), undefined);
    });
  });

  check("another one waits, is told once and gives up with the holder's name", async (url) => {
    await withTwo(url, async (first, second) => {
      await first.withLock(async () => {
        const told: unknown[] = [];
        const waiting = second.withLock(() => Promise.resolve(), {
          waitMs: 700,
          onWait: (holder) => told.push(holder?.owner),
        });
        await assert.rejects(waiting, (error: { code: string; message: string; hint: string }) => {
          assert.equal(error.code, "locked");
          assert.match(error.message, /pid \d+ on .* holds the lock since \d{4}-/);
          assert.match(error.hint, /--lock-wait/);
          return true;
        });
        assert.deepEqual(told, [`pid ${process.pid} on ${testClient.host}`]);
      });
      assert.equal(await second.withLock(() => Promise.resolve("mine")), "mine");
    });
  });

  check("one that waits gets the lock when it is freed", async (url) => {
    await withTwo(url, async (first, second) => {
      const order: string[] = [];
      const holding = first.withLock(async () => {
        await sleep(400);
        order.push("first");
      });
      await sleep(150);
      await second.withLock(() => Promise.resolve(order.push("second")), { waitMs: 10_000 });
      await holding;
      assert.deepEqual(order, ["first", "second"]);
    });
  });

  check("the lock is freed when the work throws, and its error is the one that is seen", async (url) => {
    await withTwo(url, async (first, second) => {
      await assert.rejects(first.withLock(() => Promise.reject(new Error("mine"))), /mine/);
      await second.withLock(() => Promise.resolve());
    });
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

  check("the lock of a process that was killed is free at once", async (url) => {
    const holder = startHolder(url);
    await firstLine(holder);
    await withTestDatabase(url, async (database) => {
      assert.equal((await database.lockHolder())?.owner, `pid ${holder.pid} on ${testClient.host}`);
      holder.kill("SIGKILL");
      await once(holder, "exit");
      assert.equal(await database.lockHolder(), undefined);
      assert.equal(await database.withLock(() => Promise.resolve("mine")), "mine");
    });
  });

  check("of many that race for the lock of an empty database no two hold it together", async (url) => {
    await withTestDatabase(
      url,
      (database) =>
        database.write([sql`CREATE TABLE counter (value INTEGER)`, sql`INSERT INTO counter VALUES (0)`]),
    );
    const racers = Array.from({ length: 6 }, () => startHolder(url, "race"));
    const codes = await Promise.all(racers.map(async (racer) => (await once(racer, "exit"))[0]));
    assert.deepEqual(codes, racers.map(() => 0));
    assert.deepEqual(await engine.query(url, "SELECT value FROM counter"), [{ value: 6 }]);
  });

  check("of many that race within a moment one makes the lock's table and one wins", async (url) => {
    const all = await Promise.all(Array.from({ length: 20 }, () => openTestDatabase(url)));
    let holders = 0;
    let most = 0;
    await Promise.all(all.map((database) =>
      database.withLock(async () => {
        most = Math.max(most, ++holders);
        await sleep(5);
        holders--;
      }, { waitMs: 60_000 })
    ));
    assert.equal(most, 1);
    for (const database of all) await database.close();
  });
}

async function withTwo(
  url: string,
  work: (first: Database, second: Database) => Promise<void>,
): Promise<void> {
  await withTestDatabase(url, (first) => withTestDatabase(url, (second) => work(first, second)));
}

function startHolder(url: string, ...task: string[]): ChildProcess {
  const script = projectFile("tests/support/lock_holder.ts");
  return spawn(process.execPath, ["run", "-A", "--no-check", script, url, ...task], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: projectFile("."),
  });
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = await once(child.stdout!, "data");
  return String(chunk);
}
