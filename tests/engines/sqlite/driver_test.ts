import { sqliteFileUrl } from "../../../src/base/url/sqlite_url.ts";
import { sql } from "../../support/user_sql.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { copyFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Database, OpenOptions } from "../../../src/engines/database.ts";
import { openSqliteFile } from "../../../src/engines/sqlite/driver.ts";
import { testClient, withFolder } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { killWhileOpen } from "../../support/kill_while_open.ts";

/** Runs `work` with a file that holds the table `t` with `rows` rows, numbered from 1. */
async function withFile(rows: number, work: (path: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "harbor ?#%.db");
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE t (n INTEGER, filler BLOB)");
    const numbers =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < ?) SELECT x FROM c";
    database.prepare(`INSERT INTO t SELECT x, randomblob(500) FROM (${numbers})`).run(rows);
    database.close();
    await work(path);
  });
}

async function withOpened(
  path: string,
  access: OpenOptions["access"],
  work: (database: Database) => Promise<void>,
): Promise<void> {
  const url = sqliteFileUrl(path, path);
  const database = await openSqliteFile(url, { client: testClient, access });
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

async function filesBeside(path: string): Promise<readonly string[]> {
  return (await readdir(dirname(path))).sort();
}

/** How often this process has a file open. */
function heldBy(path: string): number {
  // Some go while they are looked at.
  const fileOf = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return null;
    }
  };
  return readdirSync("/proc/self/fd").filter((fd) => fileOf(fd) === path).length;
}

const total = sql`SELECT count(*) AS count, sum(n) AS sum FROM t`;

for (const access of ["read", "write"] as const) {
  test(`sqlite file: what a killed program left half done is rolled back first (access ${access})`, () =>
    withFile(1000, async (path) => {
      await killWhileOpen(path, "journal");
      assert.ok(
        (await filesBeside(path)).some((name) => name.endsWith("-journal")),
        "the journal must be hot",
      );
      await withOpened(path, access, async (database) => {
        assert.deepEqual(await database.read(total), [{ count: 1000, sum: 500500 }]);
        assert.deepEqual(await database.read(sql`PRAGMA integrity_check`), [{ integrity_check: "ok" }]);
      });
      assert.equal((await filesBeside(path)).length, 1);
    }));

  test(`sqlite file: rows that only the -wal holds are read (access ${access})`, () =>
    withFile(1, async (path) => {
      await killWhileOpen(path, "wal");
      await withOpened(path, access, async (database) => {
        assert.deepEqual(await database.read(total), [{ count: 2, sum: 3 }]);
      });
    }));
}

test("sqlite file: rows that only the -wal holds are read without its -shm", () =>
  withFile(1, async (path) => {
    await killWhileOpen(path, "wal");
    await rm(`${path}-shm`);
    await withOpened(path, "read", async (database) => {
      assert.deepEqual(await database.read(total), [{ count: 2, sum: 3 }]);
    });
  }));

test("sqlite file: reading beside a program that writes to a WAL database sees its commits", () =>
  withFile(1, async (path) => {
    const writer = new DatabaseSync(path);
    writer.exec("PRAGMA journal_mode = WAL");
    await withOpened(path, "read", async (database) => {
      writer.exec("INSERT INTO t VALUES (5, NULL)");
      assert.deepEqual(await database.read(total), [{ count: 2, sum: 6 }]);
      writer.exec("BEGIN; INSERT INTO t VALUES (50, NULL)");
      assert.deepEqual(await database.read(total), [{ count: 2, sum: 6 }]);
    });
    writer.exec("COMMIT");
    writer.close();
  }));

for (const access of ["read", "write", "create"] as const) {
  test(`sqlite file: it says that rows are read in this process (access ${access})`, () =>
    withFile(1, (path) =>
      withOpened(path, access, (database) => {
        assert.equal(database.isInProcess, true);
        return Promise.resolve();
      })));
}

test("sqlite file: the journal mode stays what it was", () =>
  withFile(1, async (path) => {
    for (const mode of ["wal", "delete"]) {
      const other = new DatabaseSync(path);
      other.exec(`PRAGMA journal_mode = ${mode}`);
      other.close();
      await withOpened(path, "write", async (database) => {
        await database.withLock(async () => {
          await database.write([sql`UPDATE t SET n = n`], "schema");
          // Only with a WAL does a commit that waits less for the disk leave a whole file behind.
          const [row] = await database.read<{ synchronous: number }>(sql`PRAGMA synchronous`);
          assert.equal(row!.synchronous, mode === "wal" ? 1 : 2);
        });
        assert.deepEqual(await database.read(sql`PRAGMA journal_mode`), [{ journal_mode: mode }]);
        assert.deepEqual(await database.read(sql`PRAGMA synchronous`), [{ synchronous: 2 }]);
      });
    }
  }));

test("sqlite file: a full disk is disk_full, and the batch leaves nothing", () =>
  withFile(1, async (path) => {
    await withOpened(path, "write", async (database) => {
      const [pages] = await database.read<{ page_count: number }>(sql`PRAGMA page_count`);
      await database.write([sql.raw(`PRAGMA max_page_count = ${pages!.page_count + 3}`)], "alone");
      const error = await rejectsWith(
        "disk_full",
        database.write([sql`UPDATE t SET n = 9`, sql`INSERT INTO t VALUES (2, zeroblob(1000000))`], "schema"),
      );
      assert.equal(error.details["index"], 1);
      assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
    });
  }));

test("sqlite file: a damaged file is not_a_database", () =>
  withFile(1000, async (path) => {
    const damaged = `${path}2`;
    await copyFile(path, damaged);
    const database = new DatabaseSync(path);
    const pageSize = Number(database.prepare("PRAGMA page_size").get()!["page_size"]);
    database.close();
    await writeFile(damaged, new Uint8Array(pageSize * 20).fill(255), { flag: "r+" });
    await assert.rejects(withOpened(damaged, "read", () => Promise.resolve()), { code: "not_a_database" });
  }));

test("sqlite file: waiting for another program's transaction does not hold up this process", () =>
  withFile(1, async (path) => {
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await withOpened(path, "write", async (database) => {
      let ticks = 0;
      const ticking = setInterval(() => ++ticks === 20 && other.exec("COMMIT"), 10);
      assert.deepEqual(await database.write([sql`UPDATE t SET n = 2`]), [1]);
      clearInterval(ticking);
      assert.ok(ticks >= 20);
    });
    other.close();
  }));

test("sqlite file: what was written without care is let go of also where the schema cannot be read any more", () =>
  withFile(1, async (path) => {
    const open = await openSqliteFile(sqliteFileUrl(path, path), { client: testClient, access: "write" });
    const watcher = { onBatch: () => {}, isThrowAway: true };
    await open.watch(watcher, () => open.write([sql`UPDATE t SET n = 2`]));
    const other = new DatabaseSync(path);
    other.enableDefensive(false);
    other.exec(
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE t (' WHERE name = 't'; PRAGMA schema_version = 99",
    );
    other.close();
    await assert.rejects(open.read(total));
    await open.close();
    assert.equal(heldBy(path), 0);
  }));

test("sqlite file: a batch of 10,000 statements is one transaction", () =>
  withFile(0, async (path) => {
    await withOpened(path, "write", async (database) => {
      const batch = Array.from({ length: 10_000 }, (_, n) => sql`INSERT INTO t VALUES (${n}, NULL)`);
      await rejectsWith("statement_failed", database.write([...batch, sql`NONSENSE`]));
      assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
      assert.equal((await database.write(batch)).length, 10_000);
    });
  }));

test("sqlite file: the remedy for a missing folder is a command", () =>
  withFolder(async (folder) => {
    const open = () => withOpened(join(folder, "it's $HOME", "harbor.db"), "create", () => Promise.resolve());
    const error = await rejectsWith("connection_failed", open());
    assert.match(error.message, /the folder ".*it's \$HOME" does not exist/);
    execFileSync("sh", ["-c", error.hint ?? ""]);
    await open();
  }));
