import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dialect } from "../../src/base/dialect.ts";
import { makesOnly, nothingMade } from "../../src/migrate/steps/makes_only.ts";

const unlessThere = (statement: string) =>
  `DO $$ BEGIN\n ${statement};\nEXCEPTION\n WHEN duplicate_object THEN null;\nEND $$`;
const table = 'CREATE TABLE "a" (id integer)';
const mood = "CREATE TYPE mood AS ENUM ('calm')";

/** Statements of one transaction, and whether the last of them leaves what was there as it is; the others do. */
const cases: readonly (readonly [Dialect, readonly string[], boolean])[] = [
  ["postgresql", [table, 'ALTER TABLE "a" DROP COLUMN id'], true],
  ["postgresql", [table, 'ALTER TABLE "a" ALTER COLUMN id SET DATA TYPE text'], true],
  ["postgresql", ['ALTER TABLE "a" DROP COLUMN id'], false],
  ["postgresql", ['ALTER TABLE "a" ADD COLUMN b integer, DROP COLUMN id'], false],
  ["postgresql", ['ALTER TABLE "a" ALTER COLUMN id SET DATA TYPE text'], false],
  [
    "postgresql",
    ['ALTER TABLE "a" ALTER COLUMN id SET DEFAULT 1', 'ALTER TABLE "a" ALTER id DROP NOT NULL'],
    true,
  ],
  ["postgresql", ['CREATE TABLE "s"."a" (id integer)', 'ALTER TABLE "s"."a" DROP COLUMN id'], true],
  ["postgresql", ['CREATE TABLE "s"."a" (id integer)', 'ALTER TABLE "a" DROP COLUMN id'], false],
  // Its new name may be another schema's.
  ["postgresql", [table, 'ALTER TABLE "a" RENAME TO "b"', 'DROP TABLE "b"'], false],
  // What it takes in has rows.
  ["postgresql", [table, 'ALTER TABLE "a" ATTACH PARTITION "old" DEFAULT'], false],
  ["postgresql", [table, 'DROP TABLE IF EXISTS "a" CASCADE'], true],
  ["postgresql", [table, 'DROP TABLE "a", "b"'], false],
  ["postgresql", [table, 'CREATE TABLE IF NOT EXISTS "a" (id integer)'], false],
  ["postgresql", [table, 'CREATE INDEX IF NOT EXISTS "i" ON "a" (id)', 'DROP INDEX "i"'], true],
  ["postgresql", ['CREATE INDEX "i" ON "a" (id)', 'DROP INDEX "i"'], false],
  ["postgresql", [table, 'UPDATE "a" SET id = 1', 'DELETE FROM "a"'], true],
  ["postgresql", ['UPDATE "a" SET id = 1'], false],
  ["postgresql", [unlessThere('ALTER TABLE "a" ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES "b"(id)')], true],
  ["postgresql", [unlessThere('ALTER TABLE "a" DROP COLUMN id')], false],
  ["postgresql", [unlessThere(`${mood}; DELETE FROM b`)], false],
  ["postgresql", ["DO $$ BEGIN DELETE FROM b; END $$"], false],
  ["postgresql", ["ALTER TYPE mood ADD VALUE 'busy'", "ALTER TABLE a ADD m mood DEFAULT 'calm'"], true],
  // It can be used when it is committed.
  ["postgresql", ["ALTER TYPE mood ADD VALUE 'busy'", "ALTER TABLE a ADD m mood DEFAULT 'busy'"], false],
  ["postgresql", [mood, "DROP TYPE mood"], true],
  ["postgresql", [mood, "DROP TYPE mood CASCADE"], false],
  ["postgresql", ["DROP TYPE mood"], false],
  ["sqlite", ["CREATE TABLE a (id INTEGER)", "ALTER TABLE `a` DROP COLUMN id", "DROP TABLE A"], true],
  ["sqlite", ["ALTER TABLE a RENAME COLUMN id TO no"], false],
];
for (const [dialect, statements, expected] of cases) {
  test(`makesOnly() of ${dialect}: ${statements.join("; ")}: ${expected}`, () => {
    const made = nothingMade();
    const said = statements.map((sql) =>
      makesOnly({ sql, line: 1, allowed: [], run: { kind: "transaction" } }, dialect, made)
    );
    assert.deepEqual(said, statements.map((_, index) => index < statements.length - 1 || expected));
  });
}
