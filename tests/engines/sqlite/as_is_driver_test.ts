import { sqliteFileUrl } from "../../../src/base/url/sqlite_url.ts";
import { sql } from "../../support/user_sql.ts";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync, watch } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Database } from "../../../src/engines/database.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import { testClient, withFolder } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { killWhileOpen } from "../../support/kill_while_open.ts";

/** Runs `work` with a file that holds the table `t` with one row, in a folder of its own. */
async function withFile(mode: "wal" | "delete", work: (path: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "data", "harbor ?#%.db");
    await mkdir(dirname(path));
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)`);
    database.close();
    await work(path);
  });
}

async function withAsIs(path: string, work: (database: Database) => Promise<void>): Promise<void> {
  const url = sqliteFileUrl(path, path);
  const database = await openDatabase(url, { client: testClient, access: "read", asIs: true });
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** Asserts that `work` changes no byte of the file and makes nothing beside it, not even for a moment. */
async function leavesNoTrace(path: string, work: () => Promise<void>): Promise<void> {
  const folder = dirname(path);
  const contents = async () =>
    Promise.all(
      (await readdir(folder)).sort().filter((name) => !name.endsWith("-shm")).map(async (name) => [
        name,
        (await readFile(join(folder, name))).toString("base64"),
      ]),
    );
  const before = await contents();
  const events: string[] = [];
  const watcher = watch(folder, (event, name) => events.push(`${event} ${name}`));
  await work();
  await new Promise((resolve) => setTimeout(resolve, 50));
  watcher.close();
  assert.deepEqual(events.filter((event) => event.startsWith("rename")), [], "a file came or went");
  assert.deepEqual(await contents(), before);
}

const total = sql`SELECT count(*) AS count, sum(n) AS sum FROM t`;

for (const mode of ["wal", "delete"] as const) {
  test(`sqlite file as it is: reading leaves no trace (journal mode ${mode})`, () =>
    withFile(mode, (path) =>
      leavesNoTrace(path, () =>
        withAsIs(path, async (database) => {
          assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
          assert.deepEqual((await database.introspect()).tables.map((table) => table.name), ["t"]);
          assert.equal(await database.lockHolder(), undefined);
          await rejectsWith("read_only", database.write([sql`DELETE FROM t`]));
          await rejectsWith("read_only", database.withLock(() => Promise.resolve()));
        }))));

  test(`sqlite file as it is: what others commit meanwhile is read (journal mode ${mode})`, () =>
    withFile(mode, (path) =>
      withAsIs(path, async (database) => {
        assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
        assert.equal(database.readsBlockWriters(), mode === "delete");
        for (const round of [1, 2]) {
          const writer = new DatabaseSync(path);
          writer.exec("INSERT INTO t VALUES (10)");
          assert.deepEqual(await database.read(total), [{ count: 1 + round, sum: 1 + 10 * round }]);
          writer.close();
        }
      })));
}

test("sqlite file as it is: a WAL database that was opened, changed and closed in between is read anew", () =>
  withFile("wal", (path) =>
    withAsIs(path, async (database) => {
      assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
      const writer = new DatabaseSync(path);
      writer.exec(
        "INSERT INTO t SELECT value FROM (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < 5000) SELECT * FROM c)",
      );
      writer.close();
      assert.deepEqual((await readdir(dirname(path))).map((name) => basename(name)), [basename(path)]);
      assert.deepEqual(await database.read(total), [{ count: 5001, sum: 12502501 }]);
    })));

test("sqlite file as it is: what was read while the file changed is read again", () =>
  withFile("wal", async (path) => {
    const isChanged = `${path} is changed`;
    const change =
      "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('UPDATE t SET n = n + 1'); d.commit(); d.close(); open(sys.argv[2], 'w').close()";
    // Until the writer is done well before the reader.
    for (let rounds = 1_000_000, wasDone = false; !wasDone; rounds *= 2) {
      // A new one each time: one that met a writer's `-wal` reads as SQLite does from then on, what was there when it began.
      await withAsIs(path, async (database) => {
        const writer = spawn("python3", ["-c", change, path, isChanged]);
        const ended = once(writer, "exit");
        const [row] = await database.read<{ n: number }>(
          sql.raw(
            `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${rounds}) SELECT n, (SELECT max(i) FROM c) AS i FROM t`,
          ),
        );
        const readAt = Date.now();
        await ended;
        wasDone = statSync(isChanged).mtimeMs + 20 < readAt;
        const now = await database.read<{ n: number }>(sql`SELECT n FROM t`);
        if (wasDone) assert.deepEqual(now, [{ n: row!.n }]);
        await rm(isChanged);
      });
    }
  }));

test("sqlite file as it is: a file that took the place of the first one is read instead of it, and one that is gone is missing", () =>
  withFile("delete", (path) =>
    withAsIs(path, async (database) => {
      assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
      await cp(path, `${path}2`);
      const other = new DatabaseSync(`${path}2`);
      other.exec("INSERT INTO t VALUES (7)");
      other.close();
      await rename(`${path}2`, path);
      assert.deepEqual(await database.read(total), [{ count: 2, sum: 8 }]);
      assert.ok(database.readsBlockWriters());
      await rm(path);
      const error = await rejectsWith("connection_failed", database.read(total));
      assert.match(error.message, /there is no file/);
      assert.ok(database.readsBlockWriters());
    })));

test("sqlite file as it is: what a killed program left half done is not rolled back, and the file not read", () =>
  withFile("delete", async (path) => {
    const database = new DatabaseSync(path);
    database.exec(
      "ALTER TABLE t ADD COLUMN filler BLOB; WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000) INSERT INTO t SELECT x, randomblob(500) FROM c",
    );
    database.close();
    await killWhileOpen(path, "journal");
    await leavesNoTrace(path, async () => {
      const error = await rejectsWith("check_failed", withAsIs(path, () => Promise.resolve()));
      assert.match(error.message, /killed while it wrote/);
    });
  }));

test("sqlite file as it is: rows that only the -wal holds are read; without its -shm nothing is made and nothing read", () =>
  withFile("wal", async (path) => {
    const database = new DatabaseSync(path);
    database.exec("ALTER TABLE t ADD COLUMN filler BLOB");
    database.close();
    await killWhileOpen(path, "wal");
    await leavesNoTrace(path, () =>
      withAsIs(path, async (database) => {
        assert.deepEqual(await database.read(total), [{ count: 2, sum: 3 }]);
      }));
    await rm(`${path}-shm`);
    await leavesNoTrace(path, async () => {
      const { message } = await rejectsWith("check_failed", withAsIs(path, () => Promise.resolve()));
      assert.doesNotMatch(message, /killed/, "a program that has the file to itself makes no -shm either");
    });
  }));

test("sqlite file as it is: a -wal that was copied empty, without its -shm, keeps nobody from reading", () =>
  withFile("wal", async (path) => {
    await writeFile(`${path}-wal`, "");
    await withAsIs(path, async (database) => {
      await leavesNoTrace(path, async () => {
        assert.deepEqual(await database.read(total), [{ count: 1, sum: 1 }]);
      });
      const writer = new DatabaseSync(path);
      writer.exec("INSERT INTO t VALUES (10)");
      assert.deepEqual(await database.read(total), [{ count: 2, sum: 11 }]);
      writer.close();
      assert.deepEqual(await database.read(total), [{ count: 2, sum: 11 }]);
    });
  }));

test("sqlite file as it is: a missing file is not made", () =>
  withFolder(async (folder) => {
    const path = join(folder, "none.db");
    const error = await rejectsWith("connection_failed", withAsIs(path, () => Promise.resolve()));
    assert.match(error.message, /there is no file/);
    assert.deepEqual(await readdir(folder), []);
  }));

test("read() as is waits for a commit without a WAL, and lets other work run meanwhile", () =>
  withFile("delete", (path) =>
    withAsIs(path, async (database) => {
      const writer = new DatabaseSync(path);
      try {
        writer.exec("BEGIN EXCLUSIVE; INSERT INTO t VALUES (2)");
        let isCommitted = false;
        setTimeout(() => {
          writer.exec("COMMIT");
          isCommitted = true;
        }, 50);
        const [row] = await database.read<{ count: number }>(total);
        assert.ok(isCommitted);
        assert.equal(Number(row?.count), 2);
      } finally {
        writer.close();
      }
    })));
