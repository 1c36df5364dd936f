import assert from "node:assert/strict";
import { test } from "node:test";
import { readRoleStatement, roleCodeIn, roleName, withOnly } from "../../src/sql/reach/role_statements.ts";

function read(text: string): string {
  const found = readRoleStatement(text);
  if (found === null) return "nothing";
  const { groups, roles, made } = found;
  return [
    ...groups === undefined ? [] : [`of ${groups.map(roleName).join(", ")}:`],
    roles.map(roleName).join(", "),
    ...made === undefined ? [] : [`made ${roleName(made)}`],
  ].join(" ");
}

// One row a rule: a statement, and what it does to which roles.
const statements = [
  ["CREATE ROLE App IN ROLE x", "app made app"],
  ["/* a */ create user \"App\" PASSWORD 'x'", "App made App"],
  ["ALTER GROUP app ADD USER x", "app"],
  ['ALTER ROLE app RENAME TO "New"', "app made New"],
  ['DROP ROLE IF EXISTS app, "B";', "app, B"],
  ["COMMENT ON ROLE app IS 'x'", "app"],
  ["DROP OWNED BY app, CURRENT_USER CASCADE", "app, current_user"],
  ["REASSIGN OWNED BY app, b TO postgres", "app, b"],
  ["GRANT a, B TO c, d WITH ADMIN OPTION", "of a, b: c, d"],
  ["REVOKE ADMIN OPTION FOR a, b FROM c CASCADE", "of a, b: c"],
  ["GRANT SELECT ON t TO a", "nothing"],
  ["CREATE USER MAPPING FOR a SERVER b", "nothing"],
  ["COMMENT ON TABLE role IS 'x'", "nothing"],
  ["DO $$ BEGIN DROP ROLE app; END $$", "nothing"],
] as const;
for (const [text, expected] of statements) {
  test(`readRoleStatement() of ${text}`, () => assert.equal(read(text), expected));
}

// One row a rule: code, and what it may do to which roles; "?" where no name tells.
const codes = [
  ['DO $$ BEGIN DROP ROLE app, "B"; END $$', "drop app B"],
  ["DO $$ DROP ROLE IF EXISTS app$$", "drop app"],
  ["DO $$ BEGIN drop -- it\n user app; ALTER GROUP b ADD USER c; END $$", "drop app; alter b"],
  ["DO $$ BEGIN EXECUTE 'DROP ROLE app'; PERFORM run('DROP ROLE b'); END $$", "drop app; drop b"],
  ["DO $$ BEGIN DROP OWNED BY app CASCADE; END $$", "drop app"],
  ["DO $$ BEGIN REASSIGN OWNED BY app TO b; END $$", "reassign app"],
  ["DO $$ BEGIN EXECUTE format('DROP ROLE %I', r); END $$", "drop ?"],
  ["DO $$ BEGIN EXECUTE format('DROP ROLE IF EXISTS %I', r); END $$", "drop ?"],
  ["DO $$ BEGIN EXECUTE 'DROP ROLE ' || r; END $$", "drop ?"],
  ["DO $$ BEGIN EXECUTE 'DROP ROLE app' || r; END $$", "drop ?"],
  ["DO $$ BEGIN EXECUTE format('DROP ROLE app_%s', r); END $$", "drop ?"],
  ["DO $$ BEGIN EXECUTE format('DROP ROLE app, %I', r); END $$", "drop ?"],
  ['DO $$ BEGIN DROP ROLE U&"app"; END $$', "drop ?"],
  ["DO $$ BEGIN DROP USER MAPPING FOR app SERVER b; CREATE ROLE app; END $$", ""],
  ["SELECT run('DROP ROLE app')", "drop app"],
  ["INSERT INTO log (a) VALUES ('DROP ROLE app')", ""],
  ["DO $$ BEGIN RAISE NOTICE 'DROP ROLE app'; /* DROP ROLE b */ END $$", ""],
  ["DO $$ DECLARE x text := 'DROP ROLE app'; BEGIN INSERT INTO log VALUES (x); END $$", ""],
] as const;
for (const [text, expected] of codes) {
  test(`roleCodeIn() of ${text}`, () => {
    const said = roleCodeIn(text).map(([verb, roles]) => [verb, ...roles?.map(roleName) ?? ["?"]].join(" "));
    assert.equal(said.join("; "), expected);
  });
}

test("withOnly() keeps what stands around a list", () => {
  const text = 'DROP OWNED BY a, "B c", d CASCADE';
  const change = readRoleStatement(text)!;
  assert.equal(withOnly(text, change.roles, change.roles.slice(1)), 'DROP OWNED BY "B c", d CASCADE');
});
