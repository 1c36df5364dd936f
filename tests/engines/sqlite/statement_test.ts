import { sql } from "drizzle-orm";
import assert from "node:assert/strict";
import { test } from "node:test";
import { failureCode } from "../../../src/engines/sqlite/connection/errors.ts";
import { compile, compileRead, exactInteger } from "../../../src/engines/sqlite/connection/statement.ts";

test("compile() binds parameters by place and quotes names", () => {
  const { text, values } = compile(
    sql`SELECT ${sql.identifier('a"b')} FROM t WHERE x = ${"y"} AND z = ${1.5}`,
  );
  assert.equal(text, 'SELECT "a""b" FROM t WHERE x = ? AND z = ?');
  assert.deepEqual(values, ["y", 1.5]);
});

test("compile() binds whole numbers and booleans as integers", () => {
  assert.deepEqual(compile(sql`SELECT ${1}, ${-0}, ${true}, ${2n ** 62n}, ${null}`).values, [
    1n,
    0n,
    1n,
    2n ** 62n,
    null,
  ]);
});

test("compile() refuses what SQLite has no type for", () => {
  assert.throws(() => compile(sql`SELECT ${{ a: 1 }}`), { code: "internal" });
});

test("compile() takes a text that is one statement, whatever separates it from nothing", () => {
  const one = ["SELECT 1", " SELECT 1 ;\n", "SELECT ';';", "-- a; b\nSELECT 1;", "SELECT 1;; --"];
  for (const text of one) assert.equal(compile(sql.raw(text)).text, text);
  for (const text of ["", " ;", "\n", "--;", "SELECT 1; SELECT 2", "SELECT 1;\nSELECT 2;"]) {
    assert.throws(() => compile(sql.raw(text)), { code: "statement_failed" }, text);
  }
});

const readers = [
  "SELECT 1",
  "-- why\nSELECT replace(a, 'INSERT', 'x') FROM t WHERE b = 'DELETE'",
  'SELECT "delete" FROM t',
  "WITH a AS (SELECT 1) SELECT * FROM a",
  "PRAGMA table_info(t)",
  "VALUES (1)",
  "EXPLAIN QUERY PLAN SELECT 1",
];
for (const text of readers) {
  test(`compileRead() takes ${text}`, () => assert.equal(compileRead(sql.raw(text)).text, text));
}

const writers = [
  "INSERT INTO t VALUES (1)",
  "replace into t values (1)",
  "WITH a AS (SELECT 1) DELETE FROM t",
  "PRAGMA user_version = 5",
  "/* SELECT */ DROP TABLE t",
  "VACUUM",
  "BEGIN",
  "ATTACH 'x' AS y",
];
for (const text of writers) {
  test(`compileRead() refuses ${text}`, () => {
    assert.throws(() => compileRead(sql.raw(text)), { code: "read_only" });
  });
}

const integers = [[0n, 0], [-5n, -5], [2n ** 53n - 1n, 2 ** 53 - 1], [2n ** 53n, 2n ** 53n], [
  -(2n ** 63n),
  -(2n ** 63n),
]];
for (const [value, expected] of integers) {
  test(`exactInteger() keeps ${value}`, () => assert.equal(exactInteger(value as bigint), expected));
}

const failures = [
  ["database is locked", undefined, "busy"],
  ["anything", 261, "busy"],
  ["database or disk is full", undefined, "disk_full"],
  ["attempt to write a readonly database", 1544, "read_only"],
  ["file is not a database", 26, "not_a_database"],
  ["no such table: t", 1, "missing_table"],
  ["SQLite error: no such table: t", undefined, "missing_table"],
  ["error executing a request on the primary: no such table: t", undefined, "missing_table"],
  ["error in view v: no such table: main.t", 1, "statement_failed"],
  ["FOREIGN KEY constraint failed", 787, "dangling_reference"],
  ["UNIQUE constraint failed: t.n", 2067, "statement_failed"],
  ["unable to open database file: x", undefined, "connection_failed"],
] as const;
for (const [message, result, code] of failures) {
  test(`failureCode() is ${code} for "${message}"`, () => assert.equal(failureCode(message, result), code));
}
