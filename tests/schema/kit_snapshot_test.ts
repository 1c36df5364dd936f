import { isRecord } from "../../src/base/json_schema.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { canonical, sameSchema } from "../../src/schema/same_schema.ts";
import { defaultOf, type KitSnapshot, type KitTable } from "../../src/schema/kit_snapshot.ts";
import { filterValues, mapValues } from "../../src/base/records.ts";
import { snapshotId } from "../../src/schema/kit_ends.ts";
import { kitColumn, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

test("snapshotId() is made of the revision alone", () => {
  assert.equal(snapshotId("5b09ebe23c76"), "00000000-0000-4000-8000-5b09ebe23c76");
});

// One row a rule: two values, and whether they are the same.
const values: readonly (readonly [rule: string, a: unknown, b: unknown, same: boolean])[] = [
  ["does not see the order of fields", { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, true],
  ["does not see it in lists either", [{ a: 1, b: 2 }], [{ b: 2, a: 1 }], true],
  ["sees the order of a list", [1, 2], [2, 1], false],
  ["sees another value", { a: 1 }, { a: 2 }, false],
  ["sees a field more", { a: 1 }, { a: 1, b: null }, false],
  ["tells a number from a text", { a: 1 }, { a: "1" }, false],
  ["takes an undefined field for none", { a: 1, b: undefined }, { a: 1 }, true],
];
for (const [rule, a, b, same] of values) {
  test(`canonical() ${rule}`, () => assert.equal(canonical(a) === canonical(b), same));
}

test("sameSchema() passes over whether a schema with something in it is listed", () => {
  const one = kitSnapshot("postgresql", { ...kitTable("t", ["id integer key"]), schema: "a" });
  assert.ok(sameSchema({ ...one, schemas: {} }, { ...one, schemas: { a: "a" } }));
});

test("sameSchema() looks at everything but the ids", () => {
  const table = kitTable("t", ["id integer key", "c text"]);
  const one = kitSnapshot("sqlite", table);
  assert.ok(sameSchema(one, { ...one, id: "2", prevId: "1" }));
  assert.ok(!sameSchema(one, kitSnapshot("sqlite", kitTable("t", ["id integer key", "c integer"]))));
  assert.ok(!sameSchema(one, { ...one, enums: { mood: { name: "mood", values: [] } } }));
  assert.ok(!sameSchema(one, kitSnapshot("postgresql", table)));
});

// One row a thing that one kit says and another leaves out: what is put into a snapshot, and whether it is the same.
const unsaid: readonly (readonly [what: string, change: Change, same: boolean])[] = [
  [
    "renames that were answered",
    (one) => ({ ...one, _meta: { tables: {}, columns: { '"a"': '"b"' } } }),
    true,
  ],
  ["what the kit keeps for itself", (one) => ({ ...one, internal: { indexes: { ix: { x: 1 } } } }), true],
  ["empty sections", (one) => ({ ...one, views: {}, policies: {}, enums: {} }), true],
  ["a schema that is not there by itself", (one) => ({ ...one, schemas: { a: "a" } }), false],
  ["what is in a section", (one) => ({ ...one, views: { v: { name: "v" } } }), false],
  [
    "words for what is the rule",
    withIndex({ asc: true, nulls: "last" }, { method: "btree", with: {} }),
    true,
  ],
  ["a descending index", withIndex({ asc: false }), false],
  ["where NULLs stand", withIndex({ asc: true, nulls: "first" }), false],
  ["another kind of index", withIndex({}, { method: "gin" }), false],
  ["a column's words for nothing", withColumn({ autoincrement: false, schema: "" }), true],
  ["NULLs that are not allowed", withColumn({ notNull: true }), false],
  ["a default of false", withColumn({ default: false }), false],
  ["an empty default", withColumn({ default: "" }), false],
  ["an empty json default", withColumn({ default: {} }), false],
];
for (const [what, change, same] of unsaid) {
  test(`sameSchema() ${same ? "passes over" : "sees"} ${what}`, () => {
    const table = { ...kitTable("t", ["id integer key", "c text"]), indexes: { ix: index() } };
    const one = kitSnapshot("postgresql", table);
    assert.equal(sameSchema(one, change(one) as KitSnapshot), same);
  });
}

type Change = (one: KitSnapshot) => unknown;

function index(column: object = {}) {
  return { name: "ix", columns: [{ expression: "c", isExpression: false, ...column }], isUnique: false };
}

function withIndex(column: object, more: object = {}): Change {
  return inTable((table) => ({ ...table, indexes: { ix: { ...index(column), ...more } } }));
}

function withColumn(more: object): Change {
  return inTable((table) => ({
    ...table,
    columns: { ...table.columns, c: { ...kitColumn("c text"), ...more } },
  }));
}

function inTable(change: (table: KitTable) => unknown): Change {
  return (one) => ({ ...one, tables: mapValues(one.tables, change) });
}

// drizzle-kit writes numbers and truth values as they are.
for (const [value, expected] of [["'x'", "'x'"], [0, "0"], [false, "false"], ["", ""]] as const) {
  test(`defaultOf() gives ${JSON.stringify(value)} as SQL`, () => {
    assert.equal(defaultOf({ ...kitColumn("c text"), default: value }), expected);
  });
}

test("defaultOf() tells no default from one that is empty", () => {
  assert.equal(defaultOf(kitColumn("c text")), null);
});

test("mapValues() and filterValues() keep keys and their order", () => {
  assert.deepEqual(Object.entries(mapValues({ b: 1, a: 2 }, (value, key) => `${key}${value}`)), [
    ["b", "b1"],
    ["a", "a2"],
  ]);
  assert.deepEqual(filterValues({ b: 1, a: 2, c: 3 }, (value, key) => value > 1 && key !== "c"), { a: 2 });
});

test("isRecord() takes objects with fields", () => {
  assert.deepEqual([{}, { a: 1 }, [], null, "x", 1, undefined].map(isRecord), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});
