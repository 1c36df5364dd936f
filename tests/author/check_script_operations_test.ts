import assert from "node:assert/strict";
import { test } from "node:test";
import { breakpoint, parseScript } from "../../src/history/scripts/script.ts";
import { readOperations } from "../../src/author/check/rules/script_operations.ts";
import { sqliteOperations } from "../../src/sql/operations/sqlite.ts";

const read = (...statements: readonly string[]) =>
  readOperations(
    parseScript({ file: "x.sql", dialect: "sqlite", text: statements.join(`;${breakpoint}\n`) }),
    sqliteOperations,
  );
const kinds = (...statements: readonly string[]) =>
  read(...statements).map(({ operations }) =>
    operations.map((each) => "table" in each ? `${each.kind} ${each.table}` : each.kind).join()
  );

const copy = (table: string, name = `__new_${table}`) => [
  `CREATE TABLE ${name} (id INTEGER)`,
  `INSERT INTO ${name} SELECT id FROM ${table}`,
  `DROP TABLE ${table}`,
  `ALTER TABLE ${name} RENAME TO ${table}`,
];

test("readOperations() counts a new phase wherever the transaction ends", () => {
  const alone = "-- harbor:alone\nVACUUM";
  const backfill = "-- harbor:backfill table=t key=id\nUPDATE t SET c = 1";
  const phases = read("SELECT 1", "SELECT 2", alone, alone, "SELECT 3", backfill, "SELECT 4", "SELECT 5");
  assert.deepEqual(phases.map(({ phase }) => phase), [1, 1, 2, 3, 4, 5, 6, 6]);
});

test("readOperations() reads a copy that takes its original's place as a rebuild, at its beginning", () => {
  assert.deepEqual(kinds("CREATE INDEX i ON u (c)", ...copy("t"), "CREATE INDEX j ON t (c)"), [
    "create index u",
    "rebuild table t",
    "",
    "",
    "",
    "create index t",
  ]);
});

test("readOperations() knows a copy by what happens, not by its name", () => {
  assert.deepEqual(kinds(...copy("t", "other")), ["rebuild table t", "", "", ""]);
});

test("readOperations() reads several copies", () => {
  assert.deepEqual(kinds(...copy("t"), ...copy("u")), [
    "rebuild table t",
    "",
    "",
    "",
    "rebuild table u",
    "",
    "",
    "",
  ]);
});

test("readOperations() takes nothing else for a copy", () => {
  const [create, insert, drop, rename] = copy("t") as [string, string, string, string];
  assert.deepEqual(kinds(create, insert, rename), [
    "create table __new_t",
    "insert __new_t",
    "rename table __new_t",
  ]);
  assert.deepEqual(kinds(drop, rename), ["drop table t", "rename table __new_t"]);
  assert.deepEqual(kinds(create, insert, drop), ["create table __new_t", "insert __new_t", "drop table t"]);
});
