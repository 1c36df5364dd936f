import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { openHarborEngine } from "../../../src/engines/postgres/backup/engine.ts";
import { openPgDumpEngine } from "../../../src/engines/postgres/backup/pg_dump/engine.ts";
import type { Trial } from "../../../src/engines/backup/engine.ts";
import { testClient } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { never, parsePostgres, run, withCopy } from "../../support/postgres_engines.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";

const made = `CREATE SCHEMA auth; CREATE TYPE auth.mood AS ENUM ('sad', 'happy');
  CREATE TABLE auth.users (id serial PRIMARY KEY, mood auth.mood NOT NULL DEFAULT 'happy');
  CREATE TABLE notes (id serial PRIMARY KEY, user_id integer REFERENCES auth.users);
  CREATE TABLE harbor_version (revision text); CREATE TABLE auth.notes (id integer);
  INSERT INTO auth.users DEFAULT VALUES; INSERT INTO notes (user_id) VALUES (1); INSERT INTO auth.notes VALUES (7);`;

/** What is in the schemas, a row each. */
const there =
  `SELECT concat_ws(' ', n.nspname, c.relname, (SELECT count(*) FROM pg_depend d WHERE d.refobjid = c.oid)) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('public', 'auth', 'shop') ORDER BY 1`;

for (const name of ["pg_dump", "harbor"] as const) {
  test(`postgres 15: a copy of ${name} that needs what the host brings is restored on what the project says of it`, () =>
    withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
      const brought =
        "CREATE SCHEMA auth; CREATE FUNCTION auth.me() RETURNS text LANGUAGE sql AS $$ SELECT 'me'::text $$;";
      await run(
        url,
        `${brought} CREATE TABLE auth.users (id integer PRIMARY KEY); INSERT INTO auth.users VALUES (7);
        CREATE TABLE notes (id integer PRIMARY KEY REFERENCES auth.users, owner text DEFAULT auth.me()); INSERT INTO notes VALUES (7)`,
      );
      const users = `${brought} CREATE TABLE auth.users (id integer PRIMARY KEY);`;
      const key = "CREATE TABLE auth.users (id integer PRIMARY KEY";
      // The file, how a copy is proven, and why not on it.
      const cases = [
        [null, "read back", undefined],
        [`CREATE ROLE nobody_has; ${users} INSERT INTO auth.users VALUES (7);`, "scratch database", null],
        [users, "scratch database", null],
        [`${brought} ${key}, email text NOT NULL);`, "scratch database", null],
        [`${brought} ${key} GENERATED ALWAYS AS IDENTITY);`, "scratch database", null],
        [brought, "scratch database", null],
        [
          `${brought} ${key} CHECK (id < 7));`,
          "read back",
          /^what drizzle\/host\.sql makes takes no rows with nothing but keys: .*users_id_check/,
        ],
        [`${brought} CREATE TABLE auth.users (uid integer);`, "read back", /takes no rows.*column "id"/],
        ["CREATE SCHEMA auth;\nCREATE TABEL a ();", "read back", /^drizzle\/host\.sql:2: syntax error/],
        ["ALTER ROLE postgres LOGIN;", "read back", /line 1: it changes the whole server/],
        [
          `${users} CREATE TABLE notes (id integer);`,
          "read back",
          /^drizzle\/host\.sql makes what the copy has: .*notes/,
        ],
      ] as const;
      for (const [text, proof, fault] of cases) {
        const place = { ...parsePostgres(url), hostFile: { file: "drizzle/host.sql", text: () => text } };
        const engine = name === "harbor"
          ? await openHarborEngine(place, testClient)
          : await openPgDumpEngine(place, testClient, { PATH: process.env["PATH"] });
        await withCopy(engine, async ({ path, content }) => {
          const proven = await engine.prove(path, never);
          assert.equal(proven.proof, proof, `${text}`);
          assert.deepEqual(proven.content.tables, content.tables);
          assert.deepEqual(
            proven.notFollowed,
            fault === null ? ["notes (id) to auth.users (id)"] : undefined,
            `${text}`,
          );
          if (fault instanceof RegExp) assert.match(proven.host?.fault ?? "", fault);
          else assert.equal(proven.host?.fault, fault);
          if (fault !== null) return;
          await engine.restore(path, never);
          const restored = await run(
            url,
            "SELECT id, (SELECT count(*)::int FROM auth.users) AS users FROM notes",
          );
          assert.deepEqual(restored, [{ id: 7, users: 1 }]);
        });
      }
      const roles = await run(url, "SELECT 1 AS one FROM pg_roles WHERE rolname = 'nobody_has'");
      assert.deepEqual(roles, []);
    }));
}

/** Two columns in another order than in the host's key, names that need quotes, a second key of the same table, and its own references. */
const referring =
  `CREATE SCHEMA "a""b"; CREATE TABLE "a""b"."t)," ("k 1" integer, k2 text NOT NULL, u uuid UNIQUE, PRIMARY KEY (k2, "k 1"));
  INSERT INTO "a""b"."t)," VALUES (1, 'x', '00000000-0000-0000-0000-000000000001'), (2, 'y', NULL);
  CREATE TABLE parents (id integer PRIMARY KEY, u uuid REFERENCES "a""b"."t),"(u) DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE children (id integer PRIMARY KEY, parent integer REFERENCES parents, "A" text, "B, " bigint,
    CONSTRAINT "it's" FOREIGN KEY ("A", "B, ") REFERENCES "a""b"."t),"(k2, "k 1") ON DELETE CASCADE);
  INSERT INTO parents VALUES (1, '00000000-0000-0000-0000-000000000001'), (2, NULL);
  INSERT INTO children VALUES (1, 1, 'x', 1), (2, 1, 'y', NULL), (3, NULL, 'y', 2), (4, 2, 'x', 1);`;

for (const name of ["pg_dump", "harbor"] as const) {
  test(`postgres 15: a copy of ${name} is restored without a file, too, on keys made up for what it refers to; what dangles within it is found`, () =>
    withOwnedPostgres(15, "CREATEDB", async ({ url, adminUrl }) => {
      await run(url, referring);
      const open = (text: string | null) => {
        const place = { ...parsePostgres(url), hostFile: { file: "drizzle/host.sql", text: () => text } };
        return name === "harbor"
          ? openHarborEngine(place, testClient)
          : openPgDumpEngine(place, testClient, { PATH: process.env["PATH"] });
      };
      const engine = await open(null);
      await withCopy(engine, async ({ path, content }) => {
        let seen: unknown;
        const onRestored = async ({ url: copy, remarks }: Trial) => {
          assert.ok("database" in copy);
          const aside = Object.assign(new URL(url), { pathname: `/${copy.database}` }).href;
          seen = await run(aside, `SELECT "k 1"::integer, k2, u::text FROM "a""b"."t)," ORDER BY 1, 2`);
          assert.equal(remarks.filter((each) => /behind .*children \(A, B, \) to/.test(each)).length, 1);
        };
        assert.deepEqual(await engine.prove(path, never, { onRestored }), {
          content,
          proof: "scratch database",
          notRestored: null,
          host: null,
          notFollowed: ['children (A, B, ) to a"b.t), (k2, k 1)', 'parents (u) to a"b.t), (u)'],
        });
        const u = "00000000-0000-0000-0000-000000000001";
        assert.deepEqual(seen, [
          { "k 1": 1, k2: "x", u: null },
          { "k 1": 2, k2: "y", u: null },
          { "k 1": null, k2: null, u },
        ]);
      });
      await run(adminUrl, "ALTER TABLE children DISABLE TRIGGER ALL; DELETE FROM children WHERE id = 4");
      await run(url, "INSERT INTO children VALUES (5, 99, 'x', 1)");
      for (const text of [null, `CREATE SCHEMA "a""b";`]) {
        const own = await open(text);
        await withCopy(own, async ({ path }) => {
          const refused = await rejectsWith("backup_failed", own.prove(path, never));
          assert.match(refused.message, /children_parent_fkey/);
        });
      }
    }));
}

test("postgres 15: a copy of pg_dump holds the schemas that the history names, and puts them back as they were", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
    await run(url, made);
    const place = { ...parsePostgres(url), schemas: ["auth", "shop"] };
    const engine = await openPgDumpEngine(place, testClient, { PATH: process.env["PATH"] });
    await withCopy(engine, async ({ path, content }) => {
      assert.deepEqual(content.tables.map(({ name, rows }) => `${name} ${rows}`), [
        "auth.notes 1",
        "auth.users 1",
        "harbor_version 0",
        "notes 1",
      ]);
      const proven = await engine.prove(path, never);
      assert.equal(proven.proof, "scratch database");
      assert.deepEqual(proven.content.tables, content.tables);
      const before = await run(url, there);
      // What came later goes, with the schema that was made for it; what others have in schemas of theirs stays.
      await run(
        url,
        `CREATE SCHEMA shop; CREATE TABLE shop.customers (id integer); CREATE SCHEMA other; CREATE TABLE other.t (id integer);
        DELETE FROM notes; INSERT INTO auth.users DEFAULT VALUES; ALTER TYPE auth.mood ADD VALUE 'angry'; CREATE VIEW auth.v AS SELECT 1`,
      );
      await engine.restore(path, never);
      assert.deepEqual(await run(url, there), before);
      const rows =
        "SELECT (SELECT count(*) FROM notes)::int AS notes, (SELECT count(*) FROM auth.users)::int AS users, " +
        "to_regnamespace('shop') AS shop, to_regclass('other.t')::text AS other, nextval('auth.users_id_seq')::int AS next";
      assert.deepEqual(await run(url, rows), [{ notes: 1, users: 1, shop: null, other: "other.t", next: 2 }]);
      // What hangs on them from outside would go as well.
      await run(url, "CREATE VIEW other.users AS SELECT * FROM auth.users");
      const refused = await rejectsWith("backup_failed", engine.restore(path, never));
      assert.match(refused.message, /view other\.users depends on them/);
      // Where nothing is there yet.
      await run(url, "DROP SCHEMA auth CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      await engine.restore(path, never);
      assert.deepEqual(await run(url, there), before);
    });
  }));

test("postgres 15: a copy of harbor-db's own engine holds their tables, and what hangs on those stays", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
    await run(
      url,
      `${made} CREATE VIEW auth.happy AS SELECT id FROM auth.users WHERE mood = 'happy'; COMMENT ON TABLE auth.notes IS 'theirs';
      CREATE INDEX ix ON auth.notes (id); CREATE INDEX ix ON notes (user_id); GRANT SELECT ON auth.users TO PUBLIC;
      CREATE TABLE harbor_kept (id integer); CREATE TABLE harbor_kept_1 (harbor_row integer); INSERT INTO harbor_kept_1 VALUES (1)`,
    );
    const engine = await openHarborEngine({ ...parsePostgres(url), schemas: ["auth", "shop"] }, testClient);
    assert.deepEqual((await engine.uncarried()).map(({ kind, name, table }) => [kind, name, table]), [
      ["grant", "SELECT to PUBLIC", "auth.users"],
      ["type", "auth.mood", null],
      ["view", "auth.happy", null],
    ]);
    await withCopy(engine, async ({ path, content }) => {
      assert.deepEqual(content.tables.map(({ name, rows }) => `${name} ${rows}`), [
        "auth.notes 1",
        "auth.users 1",
        "harbor_kept 0",
        "harbor_kept_1 1",
        "harbor_version 0",
        "notes 1",
      ]);
      const proven = await engine.prove(path, never);
      assert.equal(proven.proof, "scratch database");
      assert.deepEqual(proven.content, content);
      const before = await run(url, there);
      // A table that went with its rows, one that differs, and a schema that was made since.
      await run(
        url,
        `DROP TABLE auth.notes; ALTER TABLE auth.users ADD COLUMN extra text; DELETE FROM notes; DELETE FROM harbor_kept_1;
        INSERT INTO auth.users DEFAULT VALUES; CREATE SCHEMA shop; CREATE TABLE shop.customers (id integer)`,
      );
      await engine.restore(path, never);
      assert.deepEqual(await run(url, there), before);
      const rows =
        "SELECT (SELECT user_id FROM notes) AS user, (SELECT id FROM auth.happy) AS happy, (SELECT id FROM auth.notes) AS note, " +
        "obj_description('auth.notes'::regclass) AS said, has_table_privilege('public', 'auth.users', 'SELECT') AS seen, " +
        "(SELECT harbor_row FROM harbor_kept_1) AS kept, to_regnamespace('shop') AS shop, nextval('auth.users_id_seq')::int AS next";
      assert.deepEqual(await run(url, rows), [
        { user: 1, happy: 1, note: 7, said: "theirs", seen: true, kept: 1, shop: null, next: 2 },
      ]);
      await run(url, "CREATE SCHEMA other; CREATE VIEW other.users AS SELECT * FROM auth.users");
      const refused = await rejectsWith("backup_failed", engine.restore(path, never));
      assert.match(refused.message, /view other\.users depends on them/);
    });
  }));
