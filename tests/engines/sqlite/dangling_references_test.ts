import assert from "node:assert/strict";
import { test } from "node:test";
import { endangeredBy } from "../../../src/engines/sqlite/transaction/dangling_references.ts";

const harmless = [
  "CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b (id))",
  "CREATE UNIQUE INDEX i ON files (storage_backend)",
  "CREATE VIEW v AS SELECT 1",
  "CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b WHERE id = old.id; END",
  "ALTER TABLE `files` ADD `storage_backend` VARCHAR(20)",
  'ALTER TABLE "files" ADD COLUMN "x" TEXT DEFAULT \'REFERENCES\'',
  "ALTER TABLE files ADD user_id INTEGER REFERENCES users (id) ON DELETE SET NULL",
  "ALTER TABLE files DROP COLUMN storage_backend",
  "ALTER TABLE main.files ADD COLUMN x TEXT",
  "SELECT count(*) FROM files",
  "PRAGMA foreign_keys=OFF",
  'INSERT INTO "harbor_version" (revision) VALUES (?)',
  'UPDATE "harbor_version" SET ms = ?',
  'DELETE FROM "harbor_backfill" WHERE revision = ?',
  "-- a remark\nDELETE FROM alembic_version",
  "INSERT INTO harbor_kept_12 (id) SELECT id FROM files",
  "DELETE FROM harbor_kept_12 WHERE harbor_row > 1",
];

const doubtful = [
  "DELETE FROM users",
  "UPDATE files SET collection_id = 5",
  "INSERT INTO files SELECT * FROM files_new",
  "REPLACE INTO harbor_version VALUES (1)",
  "INSERT OR REPLACE INTO harbor_version VALUES (1)",
  "DROP INDEX users_email",
  "CREATE VIRTUAL TABLE v USING fts5 (x)",
  "WITH gone AS (SELECT 1) DELETE FROM users",
  "PRAGMA writable_schema = ON",
];

const made = [
  "CREATE TABLE __new_users (id INTEGER PRIMARY KEY)",
  'INSERT INTO "__new_Users" SELECT id FROM users',
];
// One row a batch, and the tables whose references it endangers.
const own: readonly (readonly [batch: readonly string[], tables: readonly string[]])[] = [
  [["DROP TABLE IF EXISTS main.`Users`"], ["users"]],
  [["ALTER TABLE files_new RENAME TO files"], ["files_new", "files"]],
  [["ALTER TABLE files ADD COLUMN user_id INTEGER DEFAULT 1 REFERENCES users (id)"], ["files"]],
  [["ALTER TABLE files ADD COLUMN user_id INTEGER AS (id) REFERENCES users (id)"], ["files"]],
  [
    [...made, "SELECT CASE WHEN 1 THEN 0 END", "DROP TABLE users", "ALTER TABLE __new_users RENAME TO users"],
    ["__new_users", "users"],
  ],
];

// What others may have hung triggers on.
const written: readonly (readonly string[])[] = [
  [made[1]!],
  [made[0]!.replace("TABLE", "TABLE IF NOT EXISTS"), made[1]!],
  [made[0]!, "CREATE TRIGGER t AFTER INSERT ON __new_users BEGIN DELETE FROM files; END", made[1]!],
  [...made, "UPDATE __new_users SET id = 1"],
];

for (const text of harmless) {
  test(`a batch cannot leave a dangling reference with: ${text}`, () =>
    assert.equal(endangeredBy([{ text, values: [] }]), "none"));
}

for (const batch of [...doubtful.map((text) => [harmless[1]!, text]), ...written]) {
  test(`a batch has to be checked for dangling references everywhere with: ${batch.join("; ")}`, () =>
    assert.equal(endangeredBy(batch.map((text) => ({ text, values: [] }))), "any"));
}

for (const [batch, tables] of own) {
  test(`a batch can leave dangling references of ${tables.join(" and ")} alone with: ${batch.join("; ")}`, () =>
    assert.deepEqual(
      endangeredBy(batch.map((text) => ({ text, values: [] }))),
      new Map(tables.map((table) => [table, null])),
    ));
}

const rebuild = (
  { key = "`Id` INTEGER PRIMARY KEY NOT NULL", name = '"name"', from = "users", end = ")" } = {},
) => [
  `CREATE TABLE __new_users (${key}, name TEXT NOT NULL${end}`,
  `INSERT INTO __new_users ("id", "name") SELECT "id", ${name} FROM ${from}`,
  "DROP TABLE users",
  "ALTER TABLE __new_users RENAME TO Users",
];

// One row a batch that rebuilds a table, and the column whose values are the same behind it.
const rebuilds: readonly (readonly [rule: string, batch: readonly string[], key: string | null])[] = [
  ["copies all rows with their ids", rebuild(), "id"],
  ["fills a NULL", rebuild({ name: "coalesce(\"name\", 'x')" }), "id"],
  ["copies some rows", rebuild({ from: "users WHERE id = 1" }), null],
  [
    "works a column out, which an ON CONFLICT of the table may refuse",
    rebuild({ name: "nullif(name, '')" }),
    null,
  ],
  ["leaves rows out that are there twice", rebuild({ end: " UNIQUE ON CONFLICT IGNORE)" }), null],
  ["works the ids out", rebuild().map((text) => text.replace('SELECT "id"', "SELECT id + 1")), null],
  [
    "leaves a column out that may not be NULL",
    rebuild().map((text) => text.replace('"id", "name"', '"id"').replace(', "name" FROM', " FROM")),
    null,
  ],
  ["has ids that may be texts", rebuild({ end: ") WITHOUT ROWID" }), null],
  ["has a key of another type", rebuild({ key: "id TEXT PRIMARY KEY" }), null],
  ["has a key that is no row id", rebuild({ key: "id INTEGER PRIMARY KEY DESC" }), null],
  ["drops the table then", [...rebuild(), "DROP TABLE users"], null],
  ["names the table anew then", [...rebuild(), "ALTER TABLE users RENAME TO people"], null],
];
for (const [rule, batch, key] of rebuilds) {
  test(`what refers to the key of a table is ${key === null ? "looked at" : "safe"} where a rebuild ${rule}`, () => {
    const endangered = endangeredBy(batch.map((text) => ({ text, values: [] })));
    assert.equal(endangered instanceof Map && endangered.get("users"), key);
  });
}
