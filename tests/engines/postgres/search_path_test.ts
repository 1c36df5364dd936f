import assert from "node:assert/strict";
import { test } from "node:test";
import { firstSchema, schemasOf, userPath } from "../../../src/engines/postgres/search_path.ts";

// A search path as the server shows it, the one that users' statements get, and the first schema that it names.
const paths: readonly (readonly [string, string, string])[] = [
  ['"$user", public', '"$user", public', "public"],
  ["public, pg_catalog", "public", "public"],
  ['pg_catalog, "pg_catalog", app', "app", "pg_catalog"],
  ['"a, b", "c""d"', '"a, b", "c""d"', "a, b"],
  ['"c""d"', '"c""d"', 'c"d'],
  ["pg_catalog", "pg_catalog", "pg_catalog"],
  ["", "", "public"],
  ['"x\ny",pg_catalog', '"x\ny"', "x\ny"],
];
for (const [path, users, first] of paths) {
  test(`a search path of ${JSON.stringify(path)} puts nothing before PostgreSQL's own`, () => {
    assert.equal(userPath(path), users);
    assert.equal(firstSchema(path), first);
  });
}

test("schemasOf() names each schema once, the run's own first", () => {
  assert.deepEqual(schemasOf({ path: '"$user", public, "a b"', home: "ann" }), ["ann", "public", "a b"]);
  assert.deepEqual(schemasOf({ path: "public", home: "public" }), ["public"]);
});
