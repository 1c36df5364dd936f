import assert from "node:assert/strict";
import { test } from "node:test";
import {
  normalType,
  readChecks,
  readGenerated,
  readIndex,
  readPeculiarities,
  stripParentheses,
} from "../../../src/engines/sqlite/ddl.ts";

const checkCases = [
  ["finds none", "CREATE TABLE t (a TEXT DEFAULT 'CHECK (x)')", []],
  ["reads a column's check", "CREATE TABLE t (a INT CHECK (a > 0), b)", [[null, "a > 0"]]],
  ["reads a named check", `CREATE TABLE t (a, CONSTRAINT "positive" CHECK("t"."a" > 0))`, [[
    "positive",
    `"t"."a" > 0`,
  ]]],
  [
    "reads names in backquotes and brackets",
    "CREATE TABLE t (a CONSTRAINT `p` CHECK(a), CONSTRAINT [q r] CHECK(b))",
    [
      ["p", "a"],
      ["q r", "b"],
    ],
  ],
  ["keeps parentheses and strings whole", "CREATE TABLE t (a CHECK (a IN (')', 'CHECK (') OR (a)))", [
    [null, "a IN (')', 'CHECK (') OR (a)"],
  ]],
  [
    "passes over comments",
    "CREATE TABLE t (a -- CHECK (no)\n, /* CHECK (no) */ CHECK (a /* why */\n  > 1))",
    [
      [null, "a > 1"],
    ],
  ],
  ["passes over a column called check", `CREATE TABLE t ("check" TEXT, b DEFAULT (check(1)))`, []],
] as const;
for (const [rule, ddl, expected] of checkCases) {
  test(`readChecks() ${rule}`, () => {
    assert.deepEqual(readChecks(ddl).map(({ name, expression }) => [name, expression]), expected);
  });
}

const indexCases = [
  ["reads names", `CREATE INDEX i ON t (a, "b c", \`d\`)`, ["a", "b c", "d"], null],
  ["drops ASC and keeps DESC", "CREATE INDEX i ON t (a ASC, b desc)", ["a", "b DESC"], null],
  ["keeps expressions", "CREATE INDEX i ON t (lower(a),  coalesce(a,\n b) DESC)", [
    "lower(a)",
    "coalesce(a, b) DESC",
  ], null],
  ["keeps a collation", "CREATE INDEX i ON t (a COLLATE NOCASE)", ["a COLLATE NOCASE"], null],
  ["reads the condition", "CREATE UNIQUE INDEX i ON t (a) WHERE (a IS NOT NULL)", ["a"], "a IS NOT NULL"],
  ["reads past a quoted table", `CREATE INDEX i ON "t (x" (a) WHERE b = 1`, ["a"], "b = 1"],
] as const;
for (const [rule, ddl, columns, where] of indexCases) {
  test(`readIndex() ${rule}`, () => assert.deepEqual(readIndex(ddl), { columns, where }));
}

const expressions = [["((1))", "1"], ["(a) + (b)", "(a) + (b)"], ["'('", "'('"], [
  " ( 'x' || ')' ) ",
  "'x' || ')'",
]];
for (const [text, expected] of expressions) {
  test(`stripParentheses() makes ${expected} of ${text}`, () =>
    assert.equal(stripParentheses(text!), expected));
}

const types = [["varchar( 36 )", "VARCHAR(36)"], ["numeric(10, 2)", "NUMERIC(10,2)"], [
  "double  precision",
  "DOUBLE PRECISION",
], ["", ""]];
for (const [type, expected] of types) {
  test(`normalType() makes "${expected}" of "${type}"`, () => assert.equal(normalType(type!), expected));
}

const peculiarityCases = [
  [
    "finds none in what the application makes",
    "CREATE TABLE users (id INTEGER NOT NULL, name VARCHAR(9) DEFAULT 'STRICT', PRIMARY KEY (id))",
    [],
  ],
  ["finds a key that never comes back", "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)", [
    "AUTOINCREMENT",
  ]],
  [
    "finds collations of keys and checks once, and none of columns, which the copy takes along",
    "CREATE TABLE t (a TEXT COLLATE binary NOT NULL ON CONFLICT FAIL, b, PRIMARY KEY (a, b) ON CONFLICT ABORT)",
    ["CONFLICT ABORT"],
  ],
  ["finds options of the table", "CREATE TABLE t (a TEXT PRIMARY KEY) STRICT, WITHOUT ROWID", [
    "STRICT",
    "WITHOUT ROWID",
  ]],
  [
    "finds what foreign keys and constraints add",
    "CREATE TABLE t (a UNIQUE ON CONFLICT IGNORE REFERENCES u (id) DEFERRABLE INITIALLY DEFERRED)",
    ["CONFLICT IGNORE", "DEFERRABLE"],
  ],
  [
    "passes over names and expressions",
    "CREATE TABLE strict (collate TEXT, [as] TEXT, c TEXT CHECK (CAST(c AS TEXT) <> ''), match TEXT)",
    [],
  ],
] as const;
for (const [rule, ddl, expected] of peculiarityCases) {
  test(`readPeculiarities() ${rule}`, () => assert.deepEqual(readPeculiarities(ddl), expected));
}

// One row a rule: the table, and what its generated columns are made of.
const generatedCases = [
  ["finds a short one", "CREATE TABLE t (a, b AS (a + 1))", { b: "GENERATED ALWAYS AS (a + 1) VIRTUAL" }],
  ["finds a long one", "CREATE TABLE t (a, `b c` TEXT GENERATED ALWAYS AS (lower(a)) STORED NOT NULL)", {
    "b c": "GENERATED ALWAYS AS (lower(a)) STORED",
  }],
  ["says how it is kept", "CREATE TABLE t (a, b INT AS ((a)) VIRTUAL, c AS (b) STORED)", {
    b: "GENERATED ALWAYS AS ((a)) VIRTUAL",
    c: "GENERATED ALWAYS AS (b) STORED",
  }],
  [
    "passes over casts, defaults and names",
    "CREATE TABLE t (a CHECK (CAST(a AS TEXT) <> ''), [as] TEXT DEFAULT (1))",
    {},
  ],
] as const;
for (const [rule, ddl, expected] of generatedCases) {
  test(`readGenerated() ${rule}`, () => assert.deepEqual(Object.fromEntries(readGenerated(ddl)), expected));
}
