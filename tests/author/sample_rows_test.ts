import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleRows } from "../../src/author/rules/sample_rows.ts";
import type { Column, Table } from "../../src/schema/snapshot.ts";
import { check, column, foreignKey, idColumn, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

/** The values that the two rows of a column `c` get. */
function values(
  own: Column,
  { table = {}, later = own }: { readonly table?: Partial<Table>; readonly later?: Column } = {},
) {
  const rows = sampleRows(
    snapshot("postgresql", [tableOf("t", [own], table)]),
    snapshot("postgresql", [tableOf("t", [later])]),
  );
  return rows.flatMap(({ statements }) => statements.map((sql) => /VALUES \(\d+, (.*)\)$/.exec(sql)?.[1]));
}

const required = (type: string, facts: Partial<Column> = {}) =>
  column("c", { type, notNull: true, ...facts });

// One row a type: the two values that fit it.
const types: readonly (readonly [type: string, first: string, second: string])[] = [
  ["text", "'row 1'", "'row 2'"],
  ["VARCHAR(36)", "'row 1'", "'row 2'"],
  ["character varying(3)", "'w 1'", "'w 2'"],
  ["char(1)", "'1'", "'2'"],
  ["integer", "1", "2"],
  ["BIGINT", "1", "2"],
  ["numeric(10,2)", "1", "2"],
  ["double precision", "1", "2"],
  ["real", "1", "2"],
  ["boolean", "TRUE", "FALSE"],
  ["date", "'2025-01-01'", "'2025-01-02'"],
  ["timestamp without time zone", "'2025-01-01 12:00:00'", "'2025-01-02 12:00:00'"],
  ["DATETIME", "'2025-01-01 12:00:00'", "'2025-01-02 12:00:00'"],
  ["uuid", "'00000000-0000-4000-8000-000000000001'", "'00000000-0000-4000-8000-000000000002'"],
  ["jsonb", "'{}'", "'{}'"],
  ["integer[]", "'{}'", "'{}'"],
  ["UNSIGNED BIG INT", "1", "2"],
  ["bytea", "'1'", "'2'"],
  ["BLOB", "'1'", "'2'"],
];
for (const [type, first, second] of types) {
  test(`sampleRows() puts ${first} and ${second} into ${type}`, () => {
    assert.deepEqual(values(required(type)), [first, second]);
  });
}

test("sampleRows() gives one row all values, and one NULL wherever it may be", () => {
  assert.deepEqual(values(column("c")), ["'row 1'", "NULL"]);
});

for (const type of ["point", "interval", "int4range", "inet"]) {
  test(`sampleRows() puts NULL into ${type}, and leaves a table out that needs one`, () => {
    assert.deepEqual(values(column("c", { type })), ["NULL", "NULL"]);
    assert.deepEqual(values(required(type)), []);
  });
}

test("sampleRows() gives each row its own key, of whatever columns", () => {
  const table = tableOf("t", [column("c"), column("d")], { primaryKey: ["id", "c"] });
  const [rows] = sampleRows(snapshot("sqlite", [table]));
  assert.deepEqual(rows?.statements, [
    `INSERT INTO "t" ("id", "c", "d") VALUES (1, 'row 1', 'row 1')`,
    `INSERT INTO "t" ("id", "c", "d") VALUES (2, 'row 2', NULL)`,
  ]);
});

// One row a rule: what a check lists, and the values.
const lists: readonly (readonly [rule: string, checks: readonly string[], expected: readonly string[]])[] = [
  ["takes what a check lists", ["c IN ('a', 'it''s')"], ["'a'", "'it''s'"]],
  ["repeats the only value", ["c = 'a'"], ["'a'", "'a'"]],
  ["takes what all checks list", ["c IN ('a', 'b')", "c IN ('b', 'd')"], ["'b'", "'b'"]],
  ["passes over a check of another column", ["d IN ('a')"], ["'row 1'", "'row 2'"]],
];
for (const [rule, expressions, expected] of lists) {
  test(`sampleRows() ${rule}`, () => {
    assert.deepEqual(
      values(required("text"), { table: { checks: expressions.map((each) => check(null, each)) } }),
      expected,
    );
  });
}

test("sampleRows() makes rows that a check to come holds for", () => {
  const later = tableOf("t", [required("text")], { checks: [check("k", "c IN ('a', 'b')")] });
  const [rows] = sampleRows(
    snapshot("sqlite", [tableOf("t", [required("text")])]),
    snapshot("sqlite", [later]),
  );
  assert.match(rows!.statements.join(), /\(1, 'a'\).*\(2, 'b'\)/);
});

test("sampleRows() makes texts that fit the type to come", () => {
  assert.deepEqual(values(required("text"), { later: required("timestamp without time zone") }), [
    "'2025-01-01 12:00:00'",
    "'2025-01-02 12:00:00'",
  ]);
  assert.deepEqual(values(required("text"), { later: required("integer") }), ["'1'", "'2'"]);
  assert.deepEqual(values(required("varchar(20)"), { later: required("varchar(3)") }), ["'w 1'", "'w 2'"]);
  assert.deepEqual(values(required("integer"), { later: required("text") }), ["1", "2"]);
});

test("sampleRows() begins with what others refer to", () => {
  const tables = [
    tableOf("a", [column("b", { type: "integer" })], { foreignKeys: [foreignKey("b", "b")] }),
    tableOf("b", [column("c", { type: "integer" })], { foreignKeys: [foreignKey("c", "c")] }),
    tableOf("c"),
  ];
  assert.deepEqual(sampleRows(snapshot("sqlite", tables)).map(({ table }) => table), ["c", "b", "a"]);
});

test("sampleRows() comes to an end with tables that refer to each other or to themselves", () => {
  const tables = [
    tableOf("a", [column("b")], { foreignKeys: [foreignKey("b", "b")] }),
    tableOf("b", [column("a")], { foreignKeys: [foreignKey("a", "a")] }),
    tableOf("c", [column("c")], { foreignKeys: [foreignKey("c", "c"), foreignKey("c", "unknown")] }),
  ];
  assert.equal(sampleRows(snapshot("sqlite", tables)).length, 3);
});

test("sampleRows() needs no value for a column that the table does not have", () => {
  assert.equal(
    sampleRows(snapshot("sqlite", [{ ...tableOf("t"), columns: [idColumn] }]))[0]?.statements.length,
    2,
  );
});
