import assert from "node:assert/strict";
import { test } from "node:test";
import { mayDangle } from "../../../src/engines/sqlite/dangling_references.ts";

const harmless = [
  "CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b (id))",
  "CREATE UNIQUE INDEX i ON files (storage_backend)",
  "CREATE VIEW v AS SELECT 1",
  "CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b WHERE id = old.id; END",
  "ALTER TABLE `files` ADD `storage_backend` VARCHAR(20)",
  'ALTER TABLE "files" ADD COLUMN "x" TEXT DEFAULT \'REFERENCES\'',
  "ALTER TABLE files DROP COLUMN storage_backend",
  'INSERT INTO "harbor_version" (revision) VALUES (?)',
  'UPDATE "harbor_version" SET ms = ?',
  'DELETE FROM "harbor_backfill" WHERE revision = ?',
  "-- a remark\nDELETE FROM alembic_version",
];

const doubtful = [
  "DROP TABLE users",
  "DELETE FROM users",
  "UPDATE files SET collection_id = 5",
  "INSERT INTO files SELECT * FROM files_new",
  "REPLACE INTO harbor_version VALUES (1)",
  "INSERT OR REPLACE INTO harbor_version VALUES (1)",
  "ALTER TABLE files ADD COLUMN user_id INTEGER DEFAULT 1 REFERENCES users (id)",
  "ALTER TABLE files_new RENAME TO files",
  "ALTER TABLE main.files ADD COLUMN x TEXT",
  "DROP INDEX users_email",
  "CREATE VIRTUAL TABLE v USING fts5 (x)",
  "WITH gone AS (SELECT 1) DELETE FROM users",
  "PRAGMA foreign_keys = OFF",
];

for (const text of harmless) {
  test(`a batch cannot leave a dangling reference with: ${text}`, () =>
    assert.equal(mayDangle([{ text, values: [] }]), false));
}

for (const text of doubtful) {
  test(`a batch has to be checked for dangling references with: ${text}`, () =>
    assert.equal(mayDangle([{ text: harmless[1]!, values: [] }, { text, values: [] }]), true));
}
