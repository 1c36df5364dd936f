import { isConstant } from "../../src/sql/constant_expression.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { allowedValues, fillFlag, parseFills, placeholder } from "../../src/author/rules/change/fills.ts";
import { kitTable } from "../support/samples/kit_parts.ts";
import type { KitColumn, KitTable } from "../../src/schema/kit_snapshot.ts";

// A default, and whether SQLite and PostgreSQL give it to all rows of a table without touching them.
const defaults = [
  ["1", true, true],
  ["-1.5", true, true],
  ["'it''s'", true, true],
  ["'a' || 'b'", false, false],
  ["true", true, true],
  ["NULL", true, true],
  ["CURRENT_TIMESTAMP", false, true],
  ["now()", false, true],
  ["'x'::character varying(20)", false, true],
  ["'x'::text || random()", false, false],
  ["gen_random_uuid()", false, false],
  ["(1)", false, false],
  ["random()", false, false],
] as const;
for (const [value, sqlite, postgresql] of defaults) {
  test(`a default of ${value} is${sqlite ? "" : " not"} fast on SQLite and is${postgresql ? "" : " not"} on PostgreSQL`, () => {
    assert.deepEqual([isConstant(value, "sqlite"), isConstant(value, "postgresql")], [sqlite, postgresql]);
  });
}

function column(type: string): KitColumn {
  return { name: "c", type, primaryKey: false, notNull: true };
}

function tableOf(own: KitColumn, more: Partial<KitTable> = {}): KitTable {
  const id: KitColumn = { name: "id", type: "integer", primaryKey: true, notNull: true };
  return kitTable("t", [], { columns: { id, c: own }, ...more });
}

const unique = { indexes: { i: { name: "i", columns: ["c"], isUnique: true } } };
const listed = { checkConstraints: { k: { name: "k", value: "\"c\" IN ('a', 'it''s')" } } };
const reference = {
  foreignKeys: { f: { name: "f", tableFrom: "t", tableTo: "u", columnsFrom: ["c"], columnsTo: ["id"] } },
};

// A type, what else is said of the column, and what stands for a value that is lost.
const placeholders = [
  ["TEXT", {}, "''"],
  ["varchar(20)", {}, "''"],
  ["varchar(20)", unique, 'CAST("id" AS VARCHAR)'],
  ["integer", {}, "0"],
  ["integer", unique, '"id"'],
  ["boolean", {}, "false"],
  ["boolean", unique, null],
  ["DATETIME", {}, "'1970-01-01 00:00:00'"],
  ["text", listed, "'a'"],
  ["integer", reference, null],
  ["point", {}, null],
] as const;
for (const [type, more, expected] of placeholders) {
  test(`the placeholder of ${type} with ${Object.keys(more).join() || "nothing else"} is ${expected}`, () => {
    const own = column(type);
    assert.equal(placeholder(own, tableOf(own, more)), expected);
  });
}

test("allowedValues() reads a list and nothing else", () => {
  const values = (value: string) =>
    allowedValues(tableOf(column("text"), { checkConstraints: { k: { name: "k", value } } }), "c");
  assert.deepEqual(values("\"c\" IN ('a', 'it''s')"), ["'a'", "'it''s'"]);
  assert.deepEqual(values("c in ('a')"), ["'a'"]);
  const named = { checkConstraints: { k: { name: "k", value: "\"größe\" IN ('a')" } } };
  assert.deepEqual(allowedValues(tableOf(column("text"), named), "größe"), ["'a'"]);
  for (const other of ["\"d\" IN ('a')", "\"c\" IN ('a') OR d", 'length("c") > 1', "\"c\" IN (SELECT 'a')"]) {
    assert.deepEqual(values(other), [], other);
  }
});

test("fillFlag() names a column as parseFills() and a shell read it", () => {
  const fill = (table: string, columnName: string) => ({
    table,
    column: columnName,
    value: null,
    existed: true,
  });
  const own = { ...column("varchar(20)"), name: "it's" };
  const table = kitTable("a t", [], { columns: { "it's": own } });
  assert.equal(fillFlag(fill("a t", "it's"), table), `--fill "a t.it's=''"`);
  assert.equal(fillFlag(fill("t", "c"), tableOf(column("integer"), unique)), `--fill 't.c="id"'`);
  assert.deepEqual([...parseFills([`a t.it's = ''`, `"x.y".z='='`, "s.ä.ö=1"])], [
    ["a t.it's", "''"],
    ["x.y.z", "'='"],
    ["s.ä.ö", "1"],
  ]);
  for (const wrong of ["t=1", "t.c=", "t.c", "a.b.c.d=1", ".c=1"]) {
    assert.throws(() => parseFills([wrong]), /neither|not a column/, wrong);
  }
});
