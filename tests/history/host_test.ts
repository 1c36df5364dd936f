import assert from "node:assert/strict";
import { test } from "node:test";
import { readHost } from "../../src/history/host.ts";
import { HarborError } from "../../src/base/errors.ts";

function read(text: string | null): string {
  try {
    const host = readHost({ host: { file: "drizzle/host.sql", text: () => text } });
    if (host === null) return "nothing";
    const { roles, statements } = host;
    return [
      ...roles.map(({ name, line }) => `role ${name} ${line}`),
      ...statements.map(({ line }) => `${line}`),
    ]
      .join(", ");
  } catch (error) {
    assert.ok(error instanceof HarborError);
    assert.deepEqual([error.code, error.details["file"]], ["bad_script", "drizzle/host.sql"]);
    return `${error.details.line}: ${error.state}`;
  }
}

const wholeServer = "it changes the whole server, and not the scratch database alone";

// One row a rule: the file, and what is read out of it.
const cases = [
  [null, "nothing"],
  ["-- nothing yet", ""],
  ['CREATE ROLE Anon; create role "Anon";\nCREATE SCHEMA auth;', "role anon 1, role Anon 1, 2"],
  [
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'a;b' $$;\nCREATE USER MAPPING FOR a SERVER b;",
    "1, 2",
  ],
  ["GRANT USAGE ON SCHEMA auth TO anon; REVOKE ALL ON SCHEMA auth FROM anon", "1, 1"],
  ["DO $$ BEGIN CREATE SCHEMA auth; END $$", "1"],
  ["\nCREATE ROLE anon SUPERUSER", `2: ${wholeServer}`],
  ["CREATE USER anon", `1: ${wholeServer}`],
  ["ALTER ROLE anon SET search_path = a", `1: ${wholeServer}`],
  ["DROP ROLE anon", `1: ${wholeServer}`],
  ["GRANT anon TO authenticator", `1: ${wholeServer}`],
  ["/* who */ REVOKE anon FROM authenticator", `1: ${wholeServer}`],
  ["DO $$ BEGIN CREATE  ROLE anon; END $$", `1: ${wholeServer}`],
  ["CREATE DATABASE other", `1: ${wholeServer}`],
  ["ALTER DATABASE other SET a.b = 'c'", `1: ${wholeServer}`],
  ["ALTER SYSTEM SET work_mem = '1GB'", `1: ${wholeServer}`],
  ["COPY t FROM PROGRAM 'true'", `1: ${wholeServer}`],
  ["DO $$ BEGIN GRANT anon TO authenticator; END $$", `1: ${wholeServer}`],
  ["DO $$ BEGIN GRANT USAGE ON SCHEMA auth TO anon; END $$", "1"],
  ["DO $$ BEGIN RAISE NOTICE 'drop role anon'; INSERT INTO t VALUES ('alter system'); END $$", "1"],
  ["DO $$ BEGIN EXECUTE 'DROP ROLE anon'; END $$", `1: ${wholeServer}`],
  ["SET LOCAL check_function_bodies = false; SELECT set_config('a.b', 'c', true)", "1, 1"],
  [
    "SELECT 1;\nSET check_function_bodies = false",
    "2: it outlasts the file, and scripts would be proven with it",
  ],
  [
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "1: it outlasts the file, and scripts would be proven with it",
  ],
  ["SELECT 1;\nCOMMIT", "2: all of the file runs in one transaction"],
] as const;

for (const [text, expected] of cases) {
  test(`host.sql ${JSON.stringify(text)} is read as ${expected === "" ? "no statement" : expected}`, () => {
    assert.equal(read(text), expected);
  });
}

test("a file that is not UTF-8 is refused, since a stand-in of other letters would be proven on", () => {
  const host = { file: "drizzle/host.sql", text: () => "SELECT '\uFFFD';", isGarbled: () => true };
  assert.throws(() => readHost({ host }), /Cannot read "drizzle\/host\.sql": it is not UTF-8/);
  assert.ok(readHost({ host: { ...host, isGarbled: () => false } }) !== null);
});
