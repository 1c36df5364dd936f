import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSchemas } from "../../src/author/check/rules/compare_schemas.ts";
import type { Column, Table } from "../../src/schema/snapshot.ts";
import { column, foreignKey, idColumn, index, tableOf } from "../support/samples/snapshot_parts.ts";

const idOnSqlite = column("id", { type: "INTEGER", notNull: true, identity: true });

/** Compares a table `t` of SQLite with one of PostgreSQL, which have a column more and other parts. */
function differences(lite: Partial<Table>, postgres: Partial<Table>): readonly string[] {
  const table = (key: Column, { columns = [], ...parts }: Partial<Table>) => [
    { ...tableOf("t"), ...parts, columns: [key, ...columns] },
  ];
  return compareSchemas({
    sqlite: { dialect: "sqlite", tables: table(idOnSqlite, lite), others: [] },
    postgresql: { dialect: "postgresql", tables: table(idColumn, postgres), others: [] },
  });
}

const c = (facts: Partial<Column>) => ({ columns: [column("c", facts)] });

// One row a rule: SQLite's table, PostgreSQL's, and what is said.
const cases: readonly (readonly [
  rule: string,
  lite: Partial<Table>,
  postgres: Partial<Table>,
  expected: readonly string[],
])[] = [
  ["finds nothing in nothing", {}, {}, []],
  ["names a column that one dialect spells otherwise", { columns: [column("nmae", { type: "TEXT" })] }, {
    columns: [column("name")],
  }, ["column t.nmae is on sqlite alone", "column t.name is on postgresql alone"]],
  ["names a number that is a text", c({ type: "TEXT" }), c({ type: "integer" }), [
    "column t.c is TEXT on sqlite and integer on postgresql",
  ]],
  ["names another length", c({ type: "VARCHAR(20)" }), c({ type: "character varying(30)" }), [
    "column t.c is VARCHAR(20) on sqlite and character varying(30) on postgresql",
  ]],
  ["takes text for a length", c({ type: "TEXT" }), c({ type: "character varying(30)" }), []],
  [
    "takes a number for a truth value and a moment",
    {
      columns: [column("a", { type: "INTEGER" }), column("b", { type: "INTEGER" })],
    },
    { columns: [column("a", { type: "boolean" }), column("b", { type: "timestamp with time zone" })] },
    [],
  ],
  ["takes text for an enum, an array and json", {
    columns: ["a", "b", "d"].map((name) => column(name, { type: "TEXT" })),
  }, {
    columns: [
      column("a", { type: "mood", values: ["x"] }),
      column("b", { type: "text[]" }),
      column("d", { type: "jsonb" }),
    ],
  }, []],
  ["names a day that is a moment", c({ type: "DATETIME" }), c({ type: "date" }), [
    "column t.c is DATETIME on sqlite and date on postgresql",
  ]],
  ["names a moment that is a day", c({ type: "DATE" }), c({ type: "timestamp with time zone" }), [
    "column t.c is DATE on sqlite and timestamp with time zone on postgresql",
  ]],
  ["names a moment that is a time of day", c({ type: "DATETIME" }), c({ type: "time without time zone" }), [
    "column t.c is DATETIME on sqlite and time without time zone on postgresql",
  ]],
  ["takes a day for a day", c({ type: "DATE" }), c({ type: "date" }), []],
  ["takes a time of day for one", c({ type: "TIME" }), c({ type: "time without time zone" }), []],
  ["takes any type for one that it does not know", c({ type: "BLOB" }), c({ type: "polygon" }), []],
  ["names another nullability", c({ type: "TEXT", notNull: true }), c({}), [
    "column t.c is NOT NULL on sqlite and NULL on postgresql",
  ]],
  ["names a default that one lacks", c({ type: "TEXT", default: "'x'" }), c({}), [
    "column t.c is 'x' by default on sqlite and without a default on postgresql",
  ]],
  ["names another default", c({ type: "TEXT", default: "'x'" }), c({ default: "'y'::text" }), [
    "column t.c is 'x' by default on sqlite and 'y'::text by default on postgresql",
  ]],
  ["knows values of both dialects", {
    columns: [
      column("a", { type: "BOOLEAN", default: "1" }),
      column("b", { type: "JSON", default: `'{"b":1,"a":2}'` }),
      column("d", { type: "DATETIME", default: "'2024-02-29 12:00:00.500000'" }),
      column("e", { type: "DATETIME", default: "CURRENT_TIMESTAMP" }),
    ],
  }, {
    columns: [
      column("a", { type: "boolean", default: "true" }),
      column("b", { type: "jsonb", default: `'{"a": 2, "b": 1}'::jsonb` }),
      column("d", { type: "timestamp without time zone", default: "'2024-02-29 12:00:00.5'" }),
      column("e", { type: "timestamp without time zone", default: "now()" }),
    ],
  }, []],
  [
    "names a truth value that is another",
    c({ type: "BOOLEAN", default: "0" }),
    c({ type: "boolean", default: "true" }),
    [
      "column t.c is 0 by default on sqlite and true by default on postgresql",
    ],
  ],
  ["names another key", { primaryKey: ["id", "x"] }, {}, [
    "primary key t(id, x) is on sqlite alone",
    "primary key t(id) is on postgresql alone",
  ]],
  [
    "names what a reference does otherwise",
    { foreignKeys: [foreignKey("c", "u", { onDelete: "cascade" })] },
    {
      foreignKeys: [foreignKey("c", "u", { onDelete: "set null" })],
    },
    [
      "foreign key t(c) to u(id), on delete cascade, on update no action is on sqlite alone",
      "foreign key t(c) to u(id), on delete set null, on update no action is on postgresql alone",
    ],
  ],
  ["takes a unique index for a constraint", { indexes: [index("u", { unique: true })] }, {
    uniques: [{ name: "u", columns: ["c"] }],
  }, []],
  ["names what is unique on one alone", { indexes: [index("u", { unique: true })] }, {}, [
    "unique t(c) is on sqlite alone",
  ]],
  ["names an index of other columns", { indexes: [index("ix")] }, {
    indexes: [index("ix", { columns: ["d"] })],
  }, [
    "index t(c) ix is on sqlite alone",
    "index t(d) ix is on postgresql alone",
  ]],
  ["compares no order and no expression", { indexes: [index("ix", { columns: ["c DESC"] })] }, {
    indexes: [index("ix", { columns: ["c DESC NULLS LAST"] }), index("iy", { columns: ["lower(c)"] })],
  }, []],
];
for (const [rule, lite, postgres, expected] of cases) {
  test(`compareSchemas() ${rule}`, () => assert.deepEqual(differences(lite, postgres), expected));
}

test("compareSchemas() names a table that one dialect has alone", () => {
  const empty = { tables: [], others: [] };
  assert.deepEqual(
    compareSchemas({
      sqlite: { dialect: "sqlite", ...empty },
      postgresql: { dialect: "postgresql", ...empty, tables: [tableOf("t")] },
    }),
    ["table t is on postgresql alone"],
  );
});
