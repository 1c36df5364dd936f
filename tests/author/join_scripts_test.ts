import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlain } from "../../src/author/check/rules/join_scripts.ts";
import { readOperations } from "../../src/author/check/rules/script_operations.ts";
import { breakpoint, parseScript } from "../../src/history/scripts/script.ts";
import { postgresOperations } from "../../src/sql/operations/postgres.ts";
import { loadPostgresParser } from "../../src/sql/operations/postgres_parser.ts";

const parser = await loadPostgresParser();

// One row a script: its statements, and whether the schema that it leaves is all that it does.
const scripts: readonly (readonly [statements: readonly string[], isPlain: boolean])[] = [
  [["CREATE TABLE t (id int)", "CREATE INDEX CONCURRENTLY i ON t (id)", "DROP INDEX CONCURRENTLY i"], true],
  [["CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)"], false],
  [["DO $$ BEGIN NULL; END $$"], false],
  [["CREATE ROLE reader"], false],
  [["ALTER SYSTEM SET work_mem TO '8MB'"], false],
  [["-- why\nCREATE DATABASE other"], false],
  [["CREATE TABLE t (id) AS VALUES (1), (2)"], false],
  [["CREATE TABLE t (id int, n int GENERATED ALWAYS AS (id + 1) STORED)"], true],
  [["CREATE TABLESPACE fast LOCATION '/srv'"], false],
];

function isPlainScript(statements: readonly string[]): boolean {
  const text = statements.join(`;${breakpoint}\n`);
  const script = parseScript({ file: "x.sql", dialect: "postgresql", text });
  return isPlain(readOperations(script, (sql) => postgresOperations(parser.parse(sql))));
}

for (const [statements, expected] of scripts) {
  test(`a squash ${expected ? "writes anew" : "keeps"} what does ${statements.join("; ")}`, () => {
    assert.equal(isPlainScript(statements), expected);
  });
}

test("a squash looks past a row of comments, however long it is", () => {
  const comments = "/* why ** not */ ".repeat(5_000);
  assert.equal(isPlainScript([`${comments}CREATE TABLE t (id int)`]), true);
  assert.equal(isPlainScript([`${comments}CREATE DATABASE other`]), false);
});
