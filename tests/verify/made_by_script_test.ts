import assert from "node:assert/strict";
import { test } from "node:test";
import type { OtherObject } from "../../src/schema/snapshot.ts";
import { isMadeBy, leftByScripts } from "../../src/verify/rules/made_by_script.ts";

// One row a history: its statements, and what they leave.
const histories:
  readonly (readonly [what: string, statements: readonly string[], left: readonly string[]])[] = [
    ["a view", ["CREATE OR REPLACE VIEW seen AS SELECT 1"], ["view seen"]],
    ["a view that goes again", ["CREATE VIEW seen AS SELECT 1", "DROP VIEW IF EXISTS seen"], []],
    ["a view made anew", [
      "CREATE VIEW v AS SELECT 1",
      "DROP VIEW v",
      "CREATE VIEW IF NOT EXISTS v AS SELECT 2",
    ], [
      "view v",
    ]],
    [
      "what is in a schema that gets another name",
      [
        'CREATE TYPE "auth.mood" AS ENUM (1)',
        'CREATE VIEW "author.v" AS SELECT 1',
        'ALTER SCHEMA "auth" RENAME TO "iam"',
      ],
      ["view author.v"],
    ],
    ["what is only temporary", ["CREATE TEMP VIEW v AS SELECT 1"], []],
    ["what is in another schema", ["CREATE VIEW other.v AS SELECT 1"], []],
    ["a trigger whose table stays", [
      'CREATE TRIGGER "on it" AFTER INSERT ON t BEGIN SELECT 1; END',
      "ALTER TABLE t ADD COLUMN x INT",
    ], ["trigger on it"]],
    [
      "a trigger whose table goes",
      ["CREATE TRIGGER o AFTER INSERT ON t BEGIN SELECT 1; END", "DROP TABLE t"],
      [],
    ],
    ["what a CASCADE may have taken", ["CREATE VIEW v AS SELECT 1", "DROP TABLE t CASCADE"], []],
    [
      "what code may have dropped",
      ["CREATE VIEW v AS SELECT 1", "DO 'BEGIN EXECUTE ''DROP VIEW v''; END'"],
      [],
    ],
    [
      "a view that moves to another schema",
      ["CREATE VIEW v AS SELECT 1", "ALTER VIEW v SET SCHEMA other"],
      [],
    ],
    ["a view whose options change", ["CREATE VIEW v AS SELECT 1", "ALTER VIEW v SET (schema = 1)"], [
      "view v",
    ]],
    ["an event trigger", ["CREATE EVENT TRIGGER w ON ddl_command_end EXECUTE FUNCTION f()"], [
      "event trigger w",
    ]],
    ["an event trigger that goes again", [
      "CREATE EVENT TRIGGER w ON ddl_command_end EXECUTE FUNCTION f()",
      "DROP EVENT TRIGGER w",
    ], []],
    ["tables, which snapshots know", ["CREATE TABLE t (id INT)", "CREATE INDEX i ON t (id)"], []],
  ];
for (const [what, statements, left] of histories) {
  test(`leftByScripts() with ${what}`, () =>
    assert.deepEqual(leftByScripts(statements, "sqlite").map(({ kind, name }) => `${kind} ${name}`), left));
}

test("leftByScripts() and isMadeBy() with a name of more than 63 bytes, which PostgreSQL cuts between letters", () => {
  const long = `${"x".repeat(62)}éy`;
  const create = [`CREATE VIEW "${long}" AS SELECT 1`];
  for (const [dialect, name] of [["postgresql", "x".repeat(62)], ["sqlite", long]] as const) {
    assert.deepEqual(leftByScripts(create, dialect).map((made) => made.name), [name]);
    assert.equal(isMadeBy({ kind: "view", name }, create, dialect), true);
  }
});

test("isMadeBy() finds what the code of a DO block makes", () => {
  const sql = `DO $$ BEGIN
 CREATE TYPE "public"."mood" AS ENUM('calm', 'busy');
EXCEPTION WHEN duplicate_object THEN null;
END $$`;
  const found = [["type", "mood"], ["type", "calm"], ["view", "mood"]].map(([kind, name]) =>
    isMadeBy({ kind: kind as "type", name: name! }, [sql], "postgresql")
  );
  assert.deepEqual(found, [true, false, false]);
});

test("isMadeBy() takes what a script gives another name for made by it", () => {
  const statements = [
    "ALTER FUNCTION a(int, text) RENAME TO b",
    'ALTER TRIGGER a ON "files" RENAME TO c',
    "DO $$ BEGIN ALTER MATERIALIZED VIEW IF EXISTS a RENAME TO d; END $$",
    "ALTER TYPE mood RENAME VALUE 'calm' TO 'e'",
    "ALTER VIEW seen RENAME COLUMN a TO f",
  ];
  const made = [["function", "b"], ["trigger", "c"], ["materialized view", "d"]] as const;
  const others = [["function", "c"], ["trigger", "b"], ["view", "d"], ["type", "e"], ["view", "f"]] as const;
  const isMade = ([kind, name]: readonly [OtherObject["kind"], string]) =>
    isMadeBy({ kind, name }, statements, "postgresql");
  assert.deepEqual(made.map(isMade), [true, true, true]);
  assert.deepEqual(others.map(isMade), others.map(() => false));
});
