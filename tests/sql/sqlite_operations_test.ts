import assert from "node:assert/strict";
import { test } from "node:test";
import { sqliteOperations } from "../../src/sql/operations/sqlite.ts";

/** What a statement does, in short. */
function read(sql: string): string {
  return sqliteOperations(sql).map(({ kind, ...rest }) =>
    [
      kind,
      ...Object.entries(rest).flatMap(([name, value]) =>
        value === false ? [] : value === true ? [name] : [String(value)]
      ),
    ].join(" ")
  ).join("; ");
}

// One row a statement, and what it does.
const statements: readonly (readonly [sql: string, expected: string])[] = [
  ["CREATE TABLE t (id INTEGER)", "create table t"],
  ["create table if not exists `t t` (id)", "create table t t"],
  ["CREATE TEMP TABLE t (id)", "create table t"],
  ["CREATE TABLE main.t (id)", "create table t"],
  ["CREATE INDEX i ON t (c)", "create index t i"],
  ['CREATE UNIQUE INDEX IF NOT EXISTS main."i" ON [t] (c)', "create index t i isUnique"],
  ["CREATE VIEW v AS SELECT * FROM t", "create other view v"],
  ["CREATE TEMP VIEW IF NOT EXISTS v AS SELECT * FROM t", "create other view v"],
  ["CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END", ""],
  ["DROP TABLE t", "drop table t"],
  ["DROP TABLE IF EXISTS main.t", "drop table t"],
  ["DROP INDEX IF EXISTS i", "drop index i"],
  ["DROP VIEW IF EXISTS main.v", "drop other view v"],
  ["DROP TRIGGER r", ""],
  ["ALTER TABLE t RENAME TO u", "rename table t u"],
  ["ALTER TABLE main.t RENAME TO u", "rename table t u"],
  ["ALTER TABLE t RENAME COLUMN a TO b", "rename column t a b"],
  ["ALTER TABLE t RENAME a TO b", "rename column t a b"],
  ["ALTER TABLE t DROP COLUMN a", "drop column t a"],
  ["ALTER TABLE t DROP a", "drop column t a"],
  ["ALTER TABLE t ADD COLUMN c TEXT", "add column t c none"],
  ["ALTER TABLE t ADD c TEXT NOT NULL DEFAULT 'x'", "add column t c notNull one for all"],
  ["ALTER TABLE t ADD c INT DEFAULT -1", "add column t c one for all"],
  ["ALTER TABLE t ADD c TEXT DEFAULT (lower('x'))", "add column t c each row"],
  ["ALTER TABLE t ADD c TEXT DEFAULT CURRENT_TIMESTAMP", "add column t c each row"],
  ["ALTER TABLE t ADD c TEXT DEFAULT NULL", "add column t c one for all"],
  ["ALTER TABLE t ALTER COLUMN c SET NOT NULL", "hidden ALTER TABLE of another form"],
  ["UPDATE t SET c = 1", "update t"],
  ["UPDATE OR IGNORE main.t SET c = 1", "update t"],
  ["DELETE FROM t", "delete t"],
  ["INSERT INTO t VALUES (1)", "insert t"],
  ["INSERT OR REPLACE INTO `t` VALUES (1)", "insert t"],
  ["REPLACE INTO t VALUES (1)", "insert t"],
  ["WITH x AS (SELECT 1) DELETE FROM t", "delete t"],
  ["WITH x AS (SELECT 'DELETE FROM u') UPDATE t SET c = 1", "update t"],
  ["WITH x AS (SELECT replace(a, 'b', 'c') FROM u) DELETE FROM t", "delete t"],
  ["SELECT replace(a, 'b', 'c') FROM t", ""],
  ["WITH RECURSIVE x (a) AS (SELECT 1 UNION SELECT a FROM x) INSERT INTO t SELECT a FROM x", "insert t"],
  ["SELECT 'DROP TABLE t' -- DELETE FROM t", ""],
  ["/* DROP TABLE u */ DROP TABLE t", "drop table t"],
  ["VACUUM", "not in a transaction VACUUM"],
  ["PRAGMA foreign_keys=OFF", "not in a transaction PRAGMA foreign_keys"],
  ["PRAGMA main.user_version = 1", "not in a transaction PRAGMA user_version"],
  ["", ""],
];
for (const [sql, expected] of statements) {
  test(`sqliteOperations() reads ${sql}`, () => assert.equal(read(sql), expected));
}
