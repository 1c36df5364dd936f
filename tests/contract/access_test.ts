import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Database } from "../../src/engines/database.ts";
import {
  openTestDatabase,
  sqlitePath,
  sqliteUrl,
  withFolder,
  withTestDatabase,
} from "../support/databases.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

async function readEverything(database: Database): Promise<void> {
  await database.read(sql`SELECT n FROM t`);
  await database.introspect();
  await database.lockHolder();
  await rejectsWith("missing_table", database.read(sql`SELECT * FROM harbor_version`));
}

eachEngine("what only reads leaves nothing behind", async ({ engine, database, url }) => {
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  const tables = engine.dialect === "sqlite"
    ? "SELECT name FROM sqlite_schema"
    : "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace";
  const before = await engine.query(url, tables);
  for (const access of ["read", "write", "create"] as const) {
    const reader = await openTestDatabase(url, access);
    await readEverything(reader);
    await reader.close();
  }
  assert.deepEqual(await engine.query(url, tables), before);
});

eachEngine("access read refuses every write and the lock", async ({ engine, database, url }) => {
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  const reader = await openTestDatabase(url, "read");
  try {
    for (const mode of ["rows", "schema", "alone"] as const) {
      const error = await rejectsWith("read_only", reader.write([sql`INSERT INTO t VALUES (1)`], mode));
      assert.ok(error.message.includes(reader.url));
    }
    await rejectsWith("read_only", reader.withLock(() => Promise.resolve()));
    assert.deepEqual(await reader.read(sql`SELECT n FROM t`), []);
  } finally {
    await reader.close();
  }
  assert.deepEqual(await engine.query(url, "SELECT n FROM t"), []);
});

eachEngine("access write writes to a database that is there", async ({ url }) => {
  const writer = await openTestDatabase(url, "write");
  await writer.write([sql`CREATE TABLE t (n INTEGER)`]);
  await writer.withLock(() => writer.write([sql`INSERT INTO t VALUES (1)`]));
  assert.deepEqual(await writer.read(sql`SELECT n FROM t`), [{ n: 1 }]);
  await writer.close();
});

eachEngine("close() can be called again", async ({ url }) => {
  const database = await openTestDatabase(url);
  await database.close();
  await database.close();
});

eachEngine("a closed database refuses to work", async ({ url }) => {
  const database = await openTestDatabase(url);
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  await database.close();
  await assert.rejects(database.read(sql`SELECT n FROM t`));
  await assert.rejects(database.write([sql`INSERT INTO t VALUES (1)`]));
  await withTestDatabase(url, async (other) => assert.deepEqual(await other.read(sql`SELECT n FROM t`), []));
});

eachEngine("url is the address without its password", ({ engine, url, database }) => {
  assert.equal(database.dialect, engine.dialect);
  const { password, host } = new URL(url);
  if (engine.dialect === "postgresql") {
    assert.ok(password !== "" && !database.url.includes(password) && !database.url.includes("app secret"));
  }
  assert.ok(database.url.includes(host) || database.url.includes(sqlitePath(url)), database.url);
});

for (const journal of ["delete", "wal"]) {
  test(`sqlite file: reading changes no byte and leaves no file beside it (journal ${journal})`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "harbor.db");
      await withTestDatabase(sqliteUrl(path), async (database) => {
        await database.write([sql.raw(`PRAGMA journal_mode = ${journal}`)], "alone");
        await database.write([sql`CREATE TABLE t (n INTEGER)`, sql`INSERT INTO t VALUES (1)`]);
      });
      const before = readFileSync(path);
      assert.deepEqual(readdirSync(folder), ["harbor.db"]);
      for (const access of ["read", "write", "create"] as const) {
        const reader = await openTestDatabase(sqliteUrl(path), access);
        await readEverything(reader);
        await reader.close();
      }
      assert.ok(readFileSync(path).equals(before));
      assert.deepEqual(readdirSync(folder), ["harbor.db"]);
    }));
}

for (const access of ["read", "write"] as const) {
  test(`sqlite file: opening one that is not there for access ${access} makes none`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "missing.db");
      const error = await rejectsWith("connection_failed", openTestDatabase(sqliteUrl(path), access));
      assert.ok(error.message.includes(path));
      assert.deepEqual(readdirSync(folder), []);
    }));
}

test("sqlite file: access create makes the file", () =>
  withFolder(async (folder) => {
    const path = join(folder, "new.db");
    await withTestDatabase(sqliteUrl(path), (database) => database.write([sql`CREATE TABLE t (n INTEGER)`]));
    assert.ok(existsSync(path));
  }));

test("sqlite file: access create does not make its folder", () =>
  withFolder(async (folder) => {
    await rejectsWith("connection_failed", openTestDatabase(sqliteUrl(join(folder, "missing", "new.db"))));
    assert.deepEqual(readdirSync(folder), []);
  }));

test("sqlite file: a folder is no database", () =>
  withFolder(async (folder) => {
    await mkdir(join(folder, "harbor.db"));
    const opening = openTestDatabase(sqliteUrl(join(folder, "harbor.db")));
    const error = await opening.then(() => assert.fail("it opened a folder"), (reason) => reason);
    assert.ok(["not_a_database", "connection_failed"].includes(error.code), error.code);
  }));

test("sqlite file: any other file is not_a_database and stays as it is", () =>
  withFolder(async (folder) => {
    const path = join(folder, "notes.txt");
    const text = "These are notes, and no database at all. ".repeat(50);
    await writeFile(path, text);
    for (const access of ["read", "write", "create"] as const) {
      const error = await rejectsWith("not_a_database", openTestDatabase(sqliteUrl(path), access));
      assert.ok(error.message.includes(path));
    }
    assert.equal(readFileSync(path, "utf8"), text);
    assert.deepEqual(readdirSync(folder), ["notes.txt"]);
  }));

test("sqlite file: a row that another connection has not committed holds a write up, then busy", () =>
  withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    await withTestDatabase(sqliteUrl(path), async (database) => {
      await database.write([sql`CREATE TABLE t (n INTEGER)`]);
      const { DatabaseSync } = await import("node:sqlite");
      const other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      const waiting = database.write([sql`INSERT INTO t VALUES (1)`]);
      await new Promise((resolve) => setTimeout(resolve, 200));
      other.exec("COMMIT");
      assert.deepEqual(await waiting, [1]);
      other.exec("BEGIN IMMEDIATE");
      await rejectsWith("busy", database.write([sql`INSERT INTO t VALUES (2)`]));
      other.exec("ROLLBACK");
      other.close();
      assert.deepEqual(await database.read(sql`SELECT n FROM t`), [{ n: 1 }]);
    });
  }));
