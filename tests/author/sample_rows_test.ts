import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder, insertRow, valueOf } from "../../src/author/proof/rules/sample_rows.ts";
import { withoutOwnSchema } from "../../src/sql/own/schema.ts";
import type { Column, Table } from "../../src/schema/snapshot.ts";
import { column, foreignKey, tableOf } from "../support/samples/snapshot_parts.ts";

/** The values that a column `c` gets in the two rows. */
function values(own: Column, later: Column = own) {
  return [1, 2].map((row) => valueOf(own, { row, types: [own, later] }));
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
  ["interval", "'1 days'", "'2 days'"],
  ["inet", "'10.0.0.1/32'", "'10.0.0.2/32'"],
  ["macaddr", "'08:00:2b:01:02:01'", "'08:00:2b:01:02:02'"],
  ["point", "'(1,0)'", "'(2,0)'"],
  ["int4range", "'empty'", "'empty'"],
];
for (const [type, first, second] of types) {
  test(`valueOf() puts ${first} and ${second} into ${type}`, () => {
    assert.deepEqual(values(required(type)), [first, second]);
  });
}

for (const type of ["polygon", "money", "tsvector"]) {
  test(`valueOf() knows no value for ${type}`, () => {
    assert.deepEqual(values(required(type)), [null, null]);
  });
}

test("valueOf() makes texts that fit the type to come", () => {
  const text = required("text");
  assert.deepEqual(values(text, required("timestamp without time zone")), [
    "'2025-01-01 12:00:00'",
    "'2025-01-02 12:00:00'",
  ]);
  assert.deepEqual(values(text, required("integer")), ["'1'", "'2'"]);
  assert.deepEqual(values(required("varchar(20)"), required("varchar(3)")), ["'w 1'", "'w 2'"]);
  assert.deepEqual(values(required("integer"), text), ["1", "2"]);
  assert.deepEqual(values(required("varchar(5)"), required("date")), [null, null]);
});

test("valueOf() takes the values of an enum, those that it has later, too", () => {
  const mood = (...values: readonly string[]) => required("mood", { values });
  assert.deepEqual(values(mood("sad", "it's ok")), ["'sad'", "'it''s ok'"]);
  assert.deepEqual(values(mood("sad", "ok"), mood("ok", "glad")), ["'ok'", "'ok'"]);
  assert.deepEqual(values(required("text"), mood("ok", "glad")), ["'ok'", "'glad'"]);
  assert.deepEqual(values(mood("ok", "glad"), required("text")), ["'ok'", "'glad'"]);
  assert.deepEqual(values(required("varchar(3)"), mood("glad", "ok")), ["'ok'", "'ok'"]);
  const moods = required("mood[]", { values: ["it's", 'so "so"'] });
  assert.deepEqual(values(moods), [`'{"it''s"}'`, `'{"so \\"so\\""}'`]);
  assert.deepEqual(values(required("text"), moods), values(moods));
});

test("insertRow() writes all columns, but what the database makes of others", () => {
  const table = tableOf("t", [
    column("c"),
    column("made", { default: "GENERATED ALWAYS AS (lower(c)) STORED" }),
    column("d"),
  ]);
  const row = new Map([["id", "1"], ["c", "'row 1'"]]);
  assert.equal(
    withoutOwnSchema(insertRow(table, row, "sqlite")),
    `INSERT INTO "t" ("id", "c", "d") VALUES (1, 'row 1', NULL)`,
  );
  assert.equal(
    withoutOwnSchema(insertRow(table, row, "postgresql")),
    `INSERT INTO "t" ("id", "c", "d") OVERRIDING SYSTEM VALUE VALUES (1, 'row 1', NULL)`,
  );
});

const referred = ({ foreignKeys }: Table) => foreignKeys.map(({ table }) => table);

test("inOrder() begins with what others refer to", () => {
  const tables = [
    tableOf("a", [column("b", { type: "integer" })], { foreignKeys: [foreignKey("b", "b")] }),
    tableOf("b", [column("c", { type: "integer" })], { foreignKeys: [foreignKey("c", "c")] }),
    tableOf("c"),
  ];
  assert.deepEqual(inOrder(tables, referred).map(({ name }) => name), ["c", "b", "a"]);
});

test("inOrder() comes to an end with tables that refer to each other or to themselves", () => {
  const tables = [
    tableOf("a", [column("b")], { foreignKeys: [foreignKey("b", "b")] }),
    tableOf("b", [column("a")], { foreignKeys: [foreignKey("a", "a")] }),
    tableOf("c", [column("c")], { foreignKeys: [foreignKey("c", "c"), foreignKey("c", "unknown")] }),
  ];
  assert.equal(inOrder(tables, referred).length, 3);
});
