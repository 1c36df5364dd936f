import assert from "node:assert/strict";
import { test } from "node:test";
import { newTypes } from "../../../src/migrate/preflight/rules/new_types.ts";
import type { Snapshot } from "../../../src/schema/snapshot.ts";

function withType(type: string): Snapshot {
  const column = { name: "c", type, notNull: false, default: null, identity: false };
  const none = { primaryKey: [], foreignKeys: [], indexes: [], uniques: [], checks: [] };
  return { dialect: "postgresql", tables: [{ name: "t", columns: [column], ...none }], others: [] };
}

// The column's type, what runs before it is given, and the name that is asked for; none where it is left to the script.
const cases: readonly (readonly [what: string, type: string, before: string, asked: string | null])[] = [
  ["one that nothing makes", "mood", "SELECT 1", "mood"],
  ["one with a length, of a list", "vector(3)[]", "SELECT 1", "vector"],
  ["one in a schema, in quotes", `other."Kind of"`, "SELECT 1", "Kind of"],
  ["one of PostgreSQL's own", "numeric(3,1)", "SELECT 1", null],
  ["one with more words than a name", `text collate "c"`, "SELECT 1", null],
  ["one that a script makes", "mood", "CREATE TYPE public.Mood AS ENUM ('a')", null],
  ["one of which a script makes another", "mood", "CREATE TYPE mood_of AS ENUM ('mood')", "mood"],
  ["one that only a comment makes", "mood", "-- CREATE EXTENSION moods first\nSELECT 1", "mood"],
  ["one of an extension", "mood", "CREATE EXTENSION moods", null],
  ["one that a newer extension has", "mood", "ALTER EXTENSION moods UPDATE", null],
  ["one that gets its name", "mood", "ALTER TYPE feeling RENAME TO mood", null],
  ["one that comes from elsewhere", "mood", "ALTER TYPE other.mood SET SCHEMA public", null],
  ["one that a block makes", "mood", "DO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); END $$", null],
  [
    "one that a block in plain quotes makes",
    "mood",
    "DO 'BEGIN CREATE TYPE mood AS ENUM (''a''); END'",
    null,
  ],
  [
    "a block that makes something else",
    "mood",
    "DO $$ BEGIN ALTER TABLE t ADD CHECK (true); EXCEPTION WHEN duplicate_object THEN null; END $$",
    "mood",
  ],
  ["a block that runs a text", "mood", "DO $$ BEGIN EXECUTE 'CREATE TYPE mo' || 'od'; END $$", null],
  [
    "a block that cannot be read",
    "mood",
    String.raw`DO E'BEGIN CREATE TYPE mood AS ENUM (\'a\'); END'`,
    null,
  ],
  ["a function that may make it", "mood", "SELECT public.make_types()", null],
  ["a procedure that may make it", "mood", "CALL make_types()", null],
  ["a function in an INSERT", "mood", "INSERT INTO x (a) SELECT make_types()", null],
  ["a function in a block", "mood", "DO $$ DECLARE ok int; BEGIN ok := make_types(); END $$", null],
  [
    "a function behind a condition",
    "mood",
    "DO $$ BEGIN IF true THEN ok := make_types(); END IF; END $$",
    null,
  ],
  [
    "rows",
    "mood",
    "INSERT INTO public.x (a, b) VALUES (now(), '1'::numeric(3,1)) ON CONFLICT (a) DO NOTHING",
    "mood",
  ],
  [
    "a block that only defines",
    "mood",
    "DO $$ DECLARE n numeric(3,1) := pg_catalog.max(a); BEGIN IF NOT EXISTS (SELECT FROM x) THEN CREATE TABLE y (a varchar(3), UNIQUE (a)); GRANT EXECUTE ON FUNCTION f(int) TO z; END IF; END $$",
    "mood",
  ],
  ["a function of PostgreSQL's own", "mood", "SELECT setval('s', (SELECT max(id) FROM t))", "mood"],
  ["a right to run something", "mood", "GRANT EXECUTE ON FUNCTION f() TO other", "mood"],
];
for (const [what, type, before, asked] of cases) {
  test(`newTypes() ${asked === null ? "leaves to the script" : "asks for a type beside"}: ${what}`, () => {
    const found = newTypes(null, withType(type), [[before], [`ALTER TABLE t ADD COLUMN c ${type}`]]);
    const one = { path: "t.c", type, name: asked, script: before.includes(asked ?? type) ? 0 : 1 };
    assert.deepEqual(found, asked === null ? [] : [one]);
  });
}
