import assert from "node:assert/strict";
import { test } from "node:test";
import { independentGroups } from "../../src/author/check/rules/independent_groups.ts";

const a = "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT)";
const b = "CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a(id))";

// What is together, as groups of places; `null` where all has to be.
const cases: readonly (readonly [
  rule: string,
  statements: readonly string[],
  groups: readonly (readonly number[])[] | null,
])[] = [
  ["keeps apart what is about other tables", [a, b, "DROP TABLE b", "DROP TABLE a"], [[0, 3], [1, 2]]],
  ["joins a copy and what it takes the place of", [
    a,
    b,
    "CREATE TABLE __new_a (id INTEGER)",
    "INSERT INTO __new_a SELECT id FROM a",
    "DROP TABLE a",
    "ALTER TABLE __new_a RENAME TO a",
  ], [[0, 2, 3, 4, 5], [1]]],
  ["joins what is dropped by the index's name", [a, b, "CREATE INDEX i ON a (n)", "DROP INDEX i"], [
    [0, 2, 3],
    [1],
  ]],
  ["joins tables whose indexes have one name", [
    a,
    b,
    "CREATE INDEX i ON a (n)",
    "CREATE INDEX i ON b (a_id)",
  ], [[0, 1, 2, 3]]],
  ["joins a table that has the name of an index", [a, b, "CREATE INDEX b ON a (n)"], [[0, 1, 2]]],
  ["joins what rows are read from", [a, b, "UPDATE b SET a_id = (SELECT max(id) FROM a)"], [[0, 1, 2]]],
  ["joins by way of a third", [a, b, "ALTER TABLE a RENAME TO c", "UPDATE c SET n = (SELECT 1 FROM b)"], [
    [0, 1, 2, 3],
  ]],
  ["knows a name however it is written", [
    a,
    b,
    'ALTER TABLE "A" ADD x',
    "ALTER TABLE [b] ADD x",
    "ALTER TABLE main.`a` ADD y",
    "INSERT INTO 'b' VALUES (1, 1)",
  ], [[0, 2, 4], [1, 3, 5]]],
  ["knows a name with a quote in it", ['CREATE TABLE "it\'s" (n)', "ALTER TABLE 'it''s' ADD x"], [[0, 1]]],
  ["puts together what names no table", [a, "SELECT 1", "PRAGMA foreign_keys = OFF"], [[0], [1, 2]]],
  ["leaves a view with all", [a, b, "CREATE VIEW v AS SELECT 1"], null],
  ["leaves a trigger with all", [a, b, "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END"], null],
  ["leaves a table of a module with all", [a, "CREATE VIRTUAL TABLE f USING fts5(n)"], null],
  ["leaves a table of the connection with all", [a, "CREATE TEMP TABLE t (n)"], null],
  ["leaves what reads the schema with all", [a, "INSERT INTO a (n) SELECT name FROM sqlite_schema"], null],
  ["leaves what reads a pragma with all", [a, "UPDATE a SET n = (SELECT 1 FROM pragma_table_list)"], null],
  ["leaves what asks for the last row with all", [a, "INSERT INTO a VALUES (last_insert_rowid(), 1)"], null],
  ["leaves a setting with all", [a, "PRAGMA legacy_alter_table = ON"], null],
  ["leaves a name that is a text with all", [a, "CREATE TABLE 'b' (n)"], null],
];
for (const [rule, statements, groups] of cases) {
  test(`independentGroups() ${rule}`, () => {
    const found = independentGroups(statements);
    assert.deepEqual(found, groups?.map((places) => places.map((at) => statements[at])) ?? null);
  });
}
