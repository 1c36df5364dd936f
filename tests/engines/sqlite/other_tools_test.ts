import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sqliteUrl, withFolder, withTestDatabase } from "../../support/databases.ts";

test("what other tools keep account in is no part of a schema", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.db");
    const database = new DatabaseSync(path);
    // As Cloudflare's D1 and its own migrator leave a file, beside those that replicate one.
    database.exec(`
      CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
      CREATE TABLE _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB);
      CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
      CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY);
      CREATE TABLE __drizzle_migrations (id INTEGER PRIMARY KEY);
      CREATE TABLE d1_migrations_of_ours (id INTEGER PRIMARY KEY);`);
    database.close();
    const { tables } = await withTestDatabase(sqliteUrl(path), (opened) => opened.introspect());
    assert.deepEqual(tables.map(({ name }) => name), ["d1_migrations_of_ours"]);
  }));
