import assert from "node:assert/strict";
import { test } from "node:test";
import { hostSchemas } from "../../src/history/host_schemas.ts";

const users = '"auth"."users" (\n"id" uuid PRIMARY KEY\n);\n';

/** As drizzle-kit's pull writes it. */
const pulled = `-- uncomment this code\n/*\nCREATE TABLE ${users}*/`;

const hosts = `CREATE SCHEMA auth; CREATE TABLE ${users}`;
const comment = '-- CREATE TABLE "auth"."users" (\n-- "id" uuid\n-- );\n';
const guarded = `CREATE SCHEMA IF NOT EXISTS auth; CREATE TABLE IF NOT EXISTS ${users}`;

// One row a rule: the scripts, host.sql, and whose the schema "auth" is.
const cases:
  readonly (readonly [rule: string, scripts: readonly string[], host: string | null, whose: string])[] = [
    ["no script makes it", ["CREATE TABLE a (b uuid REFERENCES auth.users (id));"], null, "host"],
    ["the author of a script took that out", [`${comment}CREATE TABLE a ();`], null, "host"],
    ["a script makes a table in it", [`SELECT 1; CREATE TABLE ${users}`], null, "project"],
    ["one does if it is not there", ["create table if not exists Auth . users (id uuid);"], null, "project"],
    [
      "a block does",
      [`DO $$ BEGIN\n IF true THEN\n  CREATE TABLE ${users} END IF; END $$;`],
      null,
      "project",
    ],
    ["a script makes it", ['CREATE SCHEMA "auth";'], null, "project"],
    ["a type is in it", ["CREATE TYPE auth.a AS ENUM ('b');"], null, "project"],
    ["a table is moved to it", ["ALTER TABLE users SET SCHEMA auth;"], null, "project"],
    ["another one is renamed to it", ['ALTER SCHEMA "old" RENAME TO "auth";'], null, "project"],
    [
      "one with a blank in its name is renamed to it",
      ['CREATE TABLE a (); ALTER SCHEMA "o l d" RENAME TO "auth";'],
      null,
      "project",
    ],
    [
      "code makes schemas of a list that names it",
      ["DO $$ BEGIN FOREACH s IN ARRAY ARRAY['a', 'auth'] LOOP EXECUTE format('CREATE SCHEMA %I', s); END LOOP; END $$;"],
      null,
      "project",
    ],
    [
      "a function of an earlier script makes it",
      [
        "CREATE FUNCTION tenant(s text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CREATE SCHEMA IF NOT EXISTS \"' || s || '\"'; END $$;",
        "SELECT tenant(s) FROM unnest('{a,auth}'::text[]) s;",
      ],
      null,
      "project",
    ],
    [
      "code makes schemas and calls a function of it",
      ["DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', 'a'); PERFORM auth.uid(); END $$;"],
      null,
      "host",
    ],
    ["another one is made", ["CREATE SCHEMA authors; CREATE TABLE author.auth (a int);"], null, "host"],
    ["a later script makes it", ["SELECT 1;", "CREATE SCHEMA auth"], null, "project"],
    ["host.sql makes all of it, too", [guarded], hosts, "host"],
    ["host.sql makes less", [`CREATE TABLE auth.posts (); ${guarded}`], hosts, "project"],
    ["it was there before the history", [pulled, "SELECT 1;"], null, "project"],
    ["it was there before, and host.sql makes it", [pulled, "SELECT 1;"], hosts, "host"],
    [
      "the first script makes nothing",
      ["CREATE EXTENSION citext; SELECT 1;", "CREATE TABLE a ();"],
      null,
      "project",
    ],
    ["a later script is but a comment", ["CREATE TABLE a ();", comment], null, "host"],
    [
      "a script goes there for what it makes",
      ["CREATE TABLE a (); SET search_path TO auth, public;"],
      null,
      "project",
    ],
    ["it is made for the user of its name", ["CREATE SCHEMA AUTHORIZATION auth;"], null, "project"],
    ["a script does not end", ["CREATE TABLE auth.users (a text DEFAULT 'b"], null, "project"],
  ];

for (const [rule, scripts, host, whose] of cases) {
  test(`a schema that snapshots name is the ${whose}'s where ${rule}`, () => {
    const snapshot = '{ "tables": { "auth.users": { "schema": "auth" }, "public.a": { "schema": "" } } }';
    const found = hostSchemas({
      revisions: scripts.map((_, at) => [`${at}`, "", "snapshot"]),
      read: (path) => path === "snapshot" ? snapshot : scripts[Number(path)]!,
      host: () => host,
    });
    assert.equal(found.has("auth") ? "host" : "project", whose);
  });
}

test("what host.sql makes in schemas is known by the names that everything has", () => {
  const host = `CREATE ROLE a; ${hosts} CREATE TABLE b (); CREATE VIEW public.c AS SELECT 1;`;
  const { brought } = hostSchemas({ revisions: [], read: () => null, host: () => host });
  assert.deepEqual([...brought()].toSorted(), ["auth", "auth.users", "c"]);
});
