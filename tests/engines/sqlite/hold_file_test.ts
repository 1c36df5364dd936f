import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { compareHere } from "../../../src/engines/sqlite/backup/hold_file.ts";

const column = (name: string, was = name) => ({ name, was });

// One row a rule: the table, what happens to it, its key of then, the columns that are compared, those that are others.
const cases = [
  ["nothing", "id INTEGER PRIMARY KEY, a, b", "", "id", ["a", "b"], []],
  [
    "a real number in the place of a whole one",
    "id INTEGER PRIMARY KEY, a, b",
    "UPDATE t SET a = 1.0 WHERE id = 1",
    "id",
    ["a", "b"],
    ["a"],
  ],
  [
    "a text in the place of a number",
    "id INTEGER PRIMARY KEY, a, b",
    "UPDATE t SET a = '1' WHERE id = 1",
    "id",
    ["a", "b"],
    ["a"],
  ],
  [
    "real numbers in a column of whole ones",
    "id INTEGER PRIMARY KEY, a INTEGER, b",
    "ALTER TABLE t RENAME TO o; CREATE TABLE t (id INTEGER PRIMARY KEY, a REAL, b); INSERT INTO t SELECT * FROM o",
    "id",
    ["a"],
    ["a"],
  ],
  [
    "a number that texts are made of",
    "id INTEGER PRIMARY KEY, a VARCHAR(9), b",
    "UPDATE t SET a = 1.0 WHERE id = 1",
    "id",
    ["a"],
    ["a"],
  ],
  [
    "a blob in the place of a text",
    "id INTEGER PRIMARY KEY, a, b TEXT",
    "UPDATE t SET b = CAST(b AS BLOB) WHERE id = 1",
    "id",
    ["a", "b"],
    ["b"],
  ],
  [
    "another case where case does not count",
    "id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE",
    "UPDATE t SET b = 'X'",
    "id",
    ["b"],
    ["b"],
  ],
  [
    "a key of texts without row ids",
    "id TEXT PRIMARY KEY NOT NULL, a, b",
    "UPDATE t SET b = NULL WHERE id = '2'",
    "id",
    ["id", "a", "b"],
    ["b"],
    "WITHOUT ROWID",
  ],
  ["two columns as a key", "id, a, b, PRIMARY KEY (id, a)", "UPDATE t SET b = 'z' WHERE id = 2", "id a", [
    "b",
  ], ["b"]],
  [
    "a row that has gone and one that has come",
    "id INTEGER PRIMARY KEY, a, b",
    "UPDATE t SET id = 3 WHERE id = 2",
    "id",
    ["id", "a"],
    ["id", "a"],
  ],
  [
    "a row twice in the place of another",
    "id INTEGER PRIMARY KEY, a, b",
    "ALTER TABLE t RENAME TO o; CREATE TABLE t (id, a, b); INSERT INTO t SELECT 1, 1, 'x' FROM o",
    "id",
    ["a"],
    ["a"],
  ],
  [
    "the same rows with another key",
    "id INTEGER PRIMARY KEY, a, b",
    "ALTER TABLE t RENAME TO o; CREATE TABLE t (id, a PRIMARY KEY, b); INSERT INTO t SELECT id, id, b FROM o",
    "id",
    ["b"],
    [],
  ],
] as const;

for (const [what, columns, change, key, compared, changed, ending = ""] of cases) {
  test(`rows of two files are compared: ${what}`, async () => {
    const found = await compareAfter(`CREATE TABLE t (${columns}) ${ending}`, change, {
      ...column("t"),
      key: key.split(" ").map((name) => column(name)),
      columns: compared.map((name) => column(name)),
    });
    assert.deepEqual(found, changed);
  });
}

test("rows of two files are compared under the names that they had", async () => {
  const found = await compareAfter(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)",
    "ALTER TABLE t RENAME TO s; ALTER TABLE s RENAME a TO \"c d\"; ALTER TABLE s RENAME id TO k; UPDATE s SET b = 'y'",
    { ...column("s", "t"), key: [column("k", "id")], columns: [column("c d", "a"), column("b")] },
  );
  assert.deepEqual(found, ["b"]);
});

test("a key that is NULL tells no rows apart", async () => {
  const table = { ...column("t"), key: [column("id")], columns: [column("a")] };
  const found = await compareAfter(
    "CREATE TABLE t (id TEXT PRIMARY KEY, a, b); INSERT INTO t VALUES (NULL, 1, 1)",
    "",
    table,
  );
  assert.equal(found, null);
});

async function compareAfter(
  create: string,
  change: string,
  table: Parameters<typeof compareHere>[0]["table"],
): Promise<readonly string[] | null> {
  const folder = await mkdtemp(join(tmpdir(), "held-"));
  try {
    const [path, was] = [join(folder, "a b?.db"), join(folder, "was#.db")];
    const file = new DatabaseSync(path);
    file.exec(`PRAGMA journal_mode = WAL; ${create}; INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y')`);
    file.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    await copyFile(path, was);
    file.exec(change);
    try {
      return compareHere({ verb: "compare", path, was, table });
    } finally {
      file.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
