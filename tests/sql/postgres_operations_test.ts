import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "../../src/sql/operations/operation.ts";
import { postgresOperations } from "../../src/sql/operations/postgres.ts";
import { loadPostgresParser } from "../../src/sql/operations/postgres_parser.ts";

const parser = await loadPostgresParser();

/** What an operation is, in short: the kind, what it is about, and what is special about it. */
function show(operation: Operation): string {
  const { kind, ...rest } = operation;
  const words = Object.entries(rest).flatMap(([name, value]) =>
    value === false || value === null ? [] : value === true ? [name] : [String(value)]
  );
  return [kind, ...words].join(" ");
}

const read = (sql: string) => postgresOperations(parser.parse(sql)).map(show).join("; ");

// One row a statement, and what it does.
const statements: readonly (readonly [sql: string, expected: string])[] = [
  ["CREATE TABLE t (id int)", "create table t"],
  ["CREATE TABLE t (a int CONSTRAINT k UNIQUE, b int UNIQUE, CONSTRAINT l UNIQUE (b))", "create table t k,l"],
  ["CREATE TABLE t AS SELECT 1", "create table t"],
  ["SELECT 1", ""],
  ["ALTER TABLE t ADD COLUMN c text", "add column t c none"],
  ["ALTER TABLE t ADD COLUMN c text NOT NULL", "add column t c notNull none"],
  [
    "ALTER TABLE t ADD COLUMN c int PRIMARY KEY",
    "add column t c notNull none; add constraint t  primary key",
  ],
  ["ALTER TABLE t ADD COLUMN c int UNIQUE", "add column t c none; add constraint t  unique"],
  ["ALTER TABLE t ADD COLUMN c int CHECK (c > 0)", "add column t c none; add constraint t  check"],
  [
    "ALTER TABLE t ADD COLUMN c int CONSTRAINT k CHECK (c IS NOT NULL)",
    "add column t c none; add constraint t k check c",
  ],
  ["ALTER TABLE t ADD COLUMN c int REFERENCES u", "add column t c none"],
  [
    "ALTER TABLE t ADD COLUMN c int DEFAULT 1 REFERENCES u",
    "add column t c one for all; add constraint t  foreign key",
  ],
  // Values that are the same for all rows of a statement, and those that are not.
  ["ALTER TABLE t ADD COLUMN c text DEFAULT 'x'", "add column t c one for all"],
  ["ALTER TABLE t ADD COLUMN c text DEFAULT 'x'::varchar", "add column t c one for all"],
  ["ALTER TABLE t ADD COLUMN c timestamp DEFAULT now()", "add column t c one for all"],
  ["ALTER TABLE t ADD COLUMN c date DEFAULT CURRENT_DATE", "add column t c one for all"],
  ["ALTER TABLE t ADD COLUMN c int[] DEFAULT ARRAY[1, 2]", "add column t c one for all"],
  ["ALTER TABLE t ADD COLUMN c timestamp DEFAULT clock_timestamp()", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c uuid DEFAULT gen_random_uuid()", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c text DEFAULT gen_random_uuid()::text", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c int[] DEFAULT ARRAY[1, random()]", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c serial", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c bigserial", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS IDENTITY", "add column t c each row"],
  ["ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (id) STORED", "add column t c each row"],
  ["ALTER TABLE t DROP COLUMN c", "drop column t c"],
  ["ALTER TABLE t ALTER COLUMN c SET NOT NULL", "set not null t c"],
  ["ALTER TABLE t ALTER COLUMN c DROP NOT NULL", "drop not null t c"],
  ["ALTER TABLE t ALTER COLUMN c SET DEFAULT 1", "set default t c"],
  ["ALTER TABLE t ALTER COLUMN c DROP DEFAULT", "drop default t c"],
  ["ALTER TABLE t ALTER COLUMN c TYPE bigint", "change type t c bigint"],
  ["ALTER TABLE t ALTER COLUMN c TYPE varchar(20)", "change type t c character varying(20)"],
  ["ALTER TABLE t ALTER COLUMN c TYPE numeric(10, 2)", "change type t c numeric(10,2)"],
  ["ALTER TABLE t ALTER COLUMN c TYPE char(3)", "change type t c character(3)"],
  ["ALTER TABLE t ALTER COLUMN c TYPE int[]", "change type t c integer[]"],
  ["ALTER TABLE t ALTER COLUMN c TYPE int USING c::int", "change type t c integer"],
  ["ALTER TABLE t ALTER COLUMN c TYPE int USING c", "change type t c integer"],
  ["ALTER TABLE t ALTER COLUMN c TYPE int USING length(c)", "change type t c integer isComputed"],
  ["ALTER TABLE t ALTER COLUMN c TYPE int USING d::int", "change type t c integer isComputed"],
  ["ALTER TABLE t ALTER COLUMN c TYPE text USING c::varchar(2)", "change type t c text isComputed"],
  ["ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)", "add constraint t k check"],
  ["ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID", "add constraint t k check isNotValid"],
  ["ALTER TABLE t ADD CONSTRAINT k CHECK (c IS NOT NULL)", "add constraint t k check c"],
  ["ALTER TABLE t ADD CONSTRAINT k CHECK (c IS NULL)", "add constraint t k check"],
  ["ALTER TABLE t ADD CONSTRAINT k CHECK (lower(c) IS NOT NULL)", "add constraint t k check"],
  ["ALTER TABLE t ADD CONSTRAINT k UNIQUE (c)", "add constraint t k unique"],
  ["ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i", "add constraint t k unique usesIndex"],
  ["ALTER TABLE t ADD CONSTRAINT k PRIMARY KEY (c)", "add constraint t k primary key"],
  [
    "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES u NOT VALID",
    "add constraint t k foreign key isNotValid",
  ],
  ["ALTER TABLE t ADD CONSTRAINT k EXCLUDE USING gist (c WITH =)", "add constraint t k exclusion"],
  ["ALTER TABLE t VALIDATE CONSTRAINT k", "validate constraint t k"],
  ["ALTER TABLE t DROP CONSTRAINT k", "drop constraint t k"],
  ["ALTER TABLE t SET UNLOGGED", "rewrite table t ALTER TABLE SetUnLogged"],
  ["ALTER TABLE t SET TABLESPACE s", "rewrite table t ALTER TABLE SetTableSpace"],
  ["ALTER TABLE t ENABLE ROW LEVEL SECURITY", ""],
  ["ALTER TABLE t ADD COLUMN a int, DROP COLUMN b", "add column t a none; drop column t b"],
  ["ALTER INDEX i SET (fillfactor = 70)", ""],
  ["ALTER VIEW v ALTER COLUMN c SET DEFAULT 1", ""],
  ["ALTER TABLE t RENAME TO u", "rename table t u"],
  ["ALTER TABLE t RENAME COLUMN a TO b", "rename column t a b"],
  ["ALTER INDEX i RENAME TO j", "rename index i j"],
  ["ALTER TABLE t RENAME CONSTRAINT a TO b", "rename constraint t a b"],
  ["CREATE INDEX i ON t (c)", "create index t i"],
  ["CREATE UNIQUE INDEX i ON t (c)", "create index t i isUnique"],
  [
    "CREATE INDEX CONCURRENTLY i ON t (c)",
    "create index t i isConcurrent; not in a transaction CREATE INDEX CONCURRENTLY",
  ],
  ["DROP INDEX i, j", "drop index i; drop index j"],
  ["DROP INDEX CONCURRENTLY i", "drop index i isConcurrent; not in a transaction DROP INDEX CONCURRENTLY"],
  ["DROP TABLE IF EXISTS t, u CASCADE", "drop table t; drop table u"],
  ["DROP VIEW v, s.w", "drop other view v; drop other view w; names schema s"],
  ["DROP MATERIALIZED VIEW v CASCADE", "drop other view v isCascade"],
  ["DROP TYPE IF EXISTS s.e", "drop other type e"],
  ["DROP DOMAIN word", "drop other domain word"],
  ["DROP FUNCTION s.f(int), g", "drop other function f; drop other function g"],
  ["DROP PROCEDURE p()", "drop other procedure p"],
  ["DROP SCHEMA s CASCADE", "drop other schema s isCascade"],
  ["DROP SEQUENCE q", ""],
  ["UPDATE t SET c = 1", "update t"],
  ["DELETE FROM t", "delete t"],
  ["INSERT INTO t VALUES (1)", "insert t"],
  ["MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "update t"],
  ["TRUNCATE t, u", "truncate t; truncate u"],
  ["WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone", "insert u; delete t"],
  ["WITH a AS (UPDATE t SET c = 1 RETURNING *) SELECT * FROM a", "update t"],
  ["LOCK TABLE t, u", "lock table t LOCK TABLE; lock table u LOCK TABLE"],
  ["CLUSTER t USING i", "rewrite table t CLUSTER"],
  ["REFRESH MATERIALIZED VIEW v", "lock table v REFRESH MATERIALIZED VIEW without CONCURRENTLY"],
  ["REFRESH MATERIALIZED VIEW CONCURRENTLY v", ""],
  ["REINDEX TABLE t", "lock table t REINDEX without CONCURRENTLY"],
  ["REINDEX TABLE CONCURRENTLY t", "not in a transaction REINDEX CONCURRENTLY"],
  ["VACUUM t", "not in a transaction VACUUM"],
  ["ANALYZE t", ""],
  ["ALTER TYPE e ADD VALUE 'x'", "add enum value x"],
  ["ALTER TYPE s.e RENAME VALUE 'x' TO 'y'", "rename other type e 'x' 'y'"],
  ["ALTER TYPE e RENAME TO f", "rename other type e f"],
  ["ALTER SCHEMA s RENAME TO r", "rename other schema s r"],
  ["ALTER FUNCTION s.f(int) SET SCHEMA r", "rename other function f r.f"],
  ["CREATE MATERIALIZED VIEW v AS SELECT 1", "create other view v"],
  ["CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", "create other function f"],
  ["CREATE DATABASE d", "not in a transaction CREATE DATABASE"],
  ["DROP DATABASE d", "not in a transaction DROP DATABASE"],
  ["ALTER SYSTEM SET work_mem = '1MB'", "not in a transaction ALTER SYSTEM"],
  ["CREATE TABLESPACE s LOCATION '/x'", "not in a transaction CREATE TABLESPACE"],
  ["DO $$ BEGIN END $$", "hidden a DO block"],
  ["CALL p()", "hidden a procedure"],
  // Where a schema is named.
  ["CREATE TABLE s.t (id int)", "create table t; names schema s"],
  ["DROP TABLE s.t", "drop table t; names schema s"],
  ["DROP POLICY p ON t", ""],
  ["DROP TRIGGER r ON s.t", "names schema s"],
  ["DROP INDEX s.i", "drop index i; names schema s"],
  [
    "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES s.u NOT VALID",
    "add constraint t k foreign key isNotValid; names schema s",
  ],
  ["CREATE VIEW v AS SELECT * FROM s.t", "create other view v; names schema s"],
  ['ALTER TABLE "T t" DROP COLUMN "C"', "drop column T t C"],
];
for (const [sql, expected] of statements) {
  test(`postgresOperations() reads ${sql}`, () => assert.equal(read(sql), expected));
}

test("postgresOperations() finds nothing in what is no statement", () => {
  for (
    const tree of [null, undefined, {}, [], "x", { UnknownStmt: {} }, { AlterTableStmt: {} }, {
      CreateStmt: null,
    }]
  ) {
    assert.ok(Array.isArray(postgresOperations(tree)), JSON.stringify(tree));
  }
});

test("PostgresParser.refuse() refuses what parse() refuses, each time, and takes what it takes", () => {
  parser.refuse("SELECT 1 AS taken");
  parser.parse("SELECT 2 AS taken");
  parser.refuse("SELECT 2 AS taken");
  for (const ask of [parser.refuse, parser.parse, parser.refuse]) {
    assert.throws(() => ask("SELECT 3 AS taken FROM"), {
      code: "bad_script",
      state: "syntax error at end of input",
    });
  }
});

test("postgresOperations() says what a statement changes before the schemas that it names, each in its order", () => {
  assert.equal(
    read(
      "WITH a AS (UPDATE s.t SET c = 1 RETURNING 1), b AS (DELETE FROM z.u) INSERT INTO y.v SELECT * FROM a",
    ),
    "insert v; update t; delete u; names schema y; names schema s; names schema z",
  );
});
