import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlain, joinScripts, withoutTransaction } from "../../src/author/check/rules/join_scripts.ts";
import { readOperations } from "../../src/author/check/rules/script_operations.ts";
import { breakpoint, parseScript } from "../../src/history/scripts/script.ts";
import { postgresOperations } from "../../src/sql/operations/postgres.ts";
import { sqliteOperations } from "../../src/sql/operations/sqlite.ts";
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
  [[
    'CREATE SCHEMA IF NOT EXISTS "auth"',
    "CREATE TYPE mood AS ENUM ('a', 'b')",
    "ALTER TYPE mood ADD VALUE 'c'",
  ], true],
  [["-- why\nCREATE VIEW v AS SELECT 1", "DROP VIEW v", "CREATE SEQUENCE s", "DROP SEQUENCE s"], true],
  [["CREATE MATERIALIZED VIEW v AS SELECT 1 AS a", "ALTER MATERIALIZED VIEW v RENAME TO w"], true],
  [["CREATE SCHEMA a", "ALTER SCHEMA a RENAME TO b", "DROP SCHEMA b"], true],
  [['ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("a") REFERENCES "public"."u"("id")'], true],
  [['ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("a") REFERENCES "other"."u"("id")'], false],
  [["CREATE SCHEMA other"], false],
  [["ALTER SCHEMA a RENAME TO other"], false],
  [["CREATE SCHEMA a AUTHORIZATION reader"], false],
  [["CREATE SCHEMA a CREATE TABLE t (id int)"], false],
  [["ALTER SCHEMA a OWNER TO reader"], false],
  [["ALTER TYPE mood OWNER TO reader"], false],
  [["ALTER SEQUENCE s RESTART WITH 7"], false],
  [["CREATE TYPE pair AS (a int, b int)"], true],
  [["CREATE EXTENSION pg_trgm"], false],
  [["GRANT SELECT ON t TO reader"], false],
  [["CREATE VIEW v AS SELECT id FROM public.t"], true],
  [["GRANT SELECT ON public.t TO reader"], false],
  [["ALTER TABLE public.t ENABLE ROW LEVEL SECURITY"], false],
  [["CREATE POLICY p ON public.t"], false],
  [["COMMENT ON TABLE t IS 'why'"], false],
  [["ALTER TABLE t ENABLE ROW LEVEL SECURITY"], false],
  [["CREATE TABLESPACE fast LOCATION '/srv'"], false],
];

function isPlainScript(statements: readonly string[]): boolean {
  const text = statements.join(`;${breakpoint}\n`);
  const script = parseScript({ file: "x.sql", dialect: "postgresql", text });
  return isPlain(readOperations(script, (sql) => postgresOperations(parser.parse(sql))), ["a", "auth", "b"]);
}

for (const [statements, expected] of scripts) {
  test(`a squash ${expected ? "writes anew" : "keeps"} what does ${statements.join("; ")}`, () => {
    assert.equal(isPlainScript(statements), expected);
  });
}

test("a squash writes anew a table that drizzle-kit copied on SQLite", () => {
  const text = [
    "PRAGMA foreign_keys=OFF",
    "CREATE TABLE `__new_t` (`id` integer PRIMARY KEY, `a` text NOT NULL)",
    "INSERT INTO `__new_t`(`id`, `a`) SELECT `id`, `a` FROM `t`",
    "DROP TABLE `t`",
    "ALTER TABLE `__new_t` RENAME TO `t`",
    "PRAGMA foreign_keys=ON",
  ].join(`;${breakpoint}\n`);
  const plain = (more: string) =>
    isPlain(
      readOperations(parseScript({ file: "x.sql", dialect: "sqlite", text: text + more }), sqliteOperations),
      [],
    );
  assert.equal(plain(""), true);
  assert.equal(plain("; PRAGMA user_version = 7"), false);
  assert.equal(plain("; INSERT INTO t (a) VALUES ('x')"), false);
});

test("a squash looks past a row of comments, however long it is", () => {
  const comments = "/* why ** not */ ".repeat(5_000);
  assert.equal(isPlainScript([`${comments}CREATE TABLE t (id int)`]), true);
  assert.equal(isPlainScript([`${comments}CREATE DATABASE other`]), false);
});

// A script, and what of it stands in the middle of others; one that is cut by its COMMIT stays as it is.
const wrapped = [
  ["BEGIN;\nSELECT 1;\nCOMMIT;", "\nSELECT 1;\n"],
  ["-- Add\nBEGIN TRANSACTION; SELECT 1;\nEND", "-- Add\n SELECT 1;\n"],
  ["BEGIN; SELECT 1; COMMIT;", "BEGIN; SELECT 1; COMMIT;"],
  ["BEGIN;\nSELECT 1; COMMIT;", "BEGIN;\nSELECT 1; COMMIT;"],
  ["SELECT 1;", "SELECT 1;"],
  ["COMMIT;\nVACUUM;\nBEGIN;", "COMMIT;\nVACUUM;\nBEGIN;"],
] as const;
for (const [text, expected] of wrapped) {
  test(`withoutTransaction() leaves ${JSON.stringify(expected)} of ${JSON.stringify(text)}`, () => {
    const script = parseScript({ file: "x.sql", dialect: "postgresql", text });
    assert.equal(withoutTransaction(text, script), expected);
  });
}

test("a script whose words share its line takes nothing behind it out of the transaction", () => {
  const parsed = (text: string) => parseScript({ file: "x.sql", dialect: "postgresql", text });
  const text = "BEGIN; SELECT 1; COMMIT;";
  const both = joinScripts("Both", [withoutTransaction(text, parsed(text)), "SELECT 2;"]);
  const { isCut, statements } = parsed(both);
  assert.equal(isCut, undefined);
  assert.deepEqual(statements.map(({ run }) => run.kind), ["transaction", "transaction"]);
});
