import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import { firstSchema, schemasOf, userPath } from "../../../src/engines/postgres/session/search_path.ts";
import { userStatement } from "../../../src/engines/statement_names.ts";
import { withTestDatabase } from "../../support/databases.ts";
import { withFreshPostgres } from "../../support/servers/postgres_server.ts";

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
  assert.deepEqual(schemasOf({ path: '"$user", public, "a b"', home: "ann", named: [] }), [
    "ann",
    "public",
    "a b",
  ]);
  assert.deepEqual(schemasOf({ path: "public", home: "public", named: [] }), ["public"]);
});

test("postgres: only users' statements are compiled by the server, and look for their names on the users' path", () =>
  withFreshPostgres(15, async (url) => {
    const asked = new URL(url);
    asked.searchParams.set("options", "-cjit=on");
    await withTestDatabase(asked.href, async (database) => {
      const settings = sql`SELECT current_setting('jit') AS jit, current_setting('search_path') AS path`;
      const users = { jit: "on", path: '"$user", public' };
      const ours = { jit: "off", path: "pg_catalog, pg_temp" };
      assert.deepEqual((await database.read(settings)).map((row) => ({ ...row as object })), [ours]);
      assert.deepEqual(
        (await database.read(userStatement(settings))).map((row) => ({ ...row as object })),
        [users],
      );
      const keep = (name: string) => sql.raw(`CREATE TABLE public.${name} AS `).append(settings);
      await database.write([userStatement(keep("a")), keep("b"), userStatement(keep("c"))], "schema");
      await database.write([userStatement(keep("d"))], "alone");
      await database.write([keep("e")], "alone");
      const rows = await database.read<{ name: string; jit: string; path: string }>(sql.raw(
        ["a", "b", "c", "d", "e"].map((name) => `SELECT '${name}' AS name, * FROM public.${name}`).join(
          " UNION ALL ",
        ),
      ));
      assert.deepEqual(rows.map((row) => ({ ...row })), [
        { name: "a", ...users },
        { name: "b", ...ours },
        { name: "c", ...users },
        { name: "d", ...users },
        { name: "e", ...ours },
      ]);
    });
  }));

test("a temporary table that a script named like a catalog is not read in its place", () =>
  withFreshPostgres(18, (url) =>
    withTestDatabase(url, async (database) => {
      await database.write([userStatement(sql`CREATE TEMPORARY TABLE pg_class (relname name)`)]);
      const [row] = await database.read<{ size: number }>(sql`SELECT count(*) AS size FROM pg_class`);
      assert.ok(Number(row!.size) > 100, `${row!.size} relations`);
    })));
