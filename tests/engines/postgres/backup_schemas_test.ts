import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { openHarborEngine } from "../../../src/engines/postgres/backup/engine.ts";
import { openPgDumpEngine } from "../../../src/engines/postgres/backup/pg_dump/engine.ts";
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
    const own = await openHarborEngine(place, testClient);
    const without = await rejectsWith("backup_failed", own.dump("/nowhere/copy.sql", never));
    assert.match(without.message, /its history has things in schema "auth", which pg_dump copies/);
  }));
