import { sql as ours } from "drizzle-orm";
import assert from "node:assert/strict";
import { test } from "node:test";
import { inTransaction, withBackupSession } from "../../src/engines/postgres/backup/session.ts";
import { testClient, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import {
  never,
  openHarbor,
  openPgDump,
  parsePostgres,
  postgresEngines,
  run,
  withCopy,
} from "../support/postgres_engines.ts";
import { withAttacker } from "../support/postgres_attacker.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";
import { openDatabase } from "../../src/engines/open/database.ts";
import { ownTable } from "../../src/engines/statement_names.ts";
import { sql } from "../support/user_sql.ts";

/** Runs harbor-db on a database. */
async function harbor(url: string, ...args: readonly string[]) {
  const result = await runCli(args, { env: { DATABASE_URL: url } });
  return { ...result, said: `${result.stdout}${result.stderr}` };
}

for (const version of [15, 18] as const) {
  test(`postgres ${version}: an attack that works is seen to work`, () =>
    withAttacker(version, async ({ url, adminUrl, attack, hasRun }) => {
      await run(
        url,
        `CREATE FUNCTION evil() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${attack}; END $$; SELECT evil()`,
      );
      assert.equal(await hasRun(), false, "the owner itself may not");
      await run(adminUrl, "SELECT evil()");
      assert.equal(await hasRun(), true);
    }));

  test(`postgres ${version}: functions that a search path puts before PostgreSQL's run for nobody who looks`, () =>
    withAttacker(version, async ({ url, adminUrl, owner, attack, hasRun }) => {
      assert.equal((await harbor(url, "upgrade", "--no-backup")).code, 0);
      const shadow = (name: string, parameters: string, type: string, value: string) =>
        `CREATE FUNCTION public.${name}(${parameters}) RETURNS ${type} LANGUAGE plpgsql AS $$
          BEGIN ${attack}; RETURN ${value}; END $$;`;
      await run(
        url,
        `${shadow("current_schema", "", "name", "'public'")}
        ${shadow("pg_backend_pid", "", "int", "pg_catalog.pg_backend_pid()")}
        ${shadow("current_setting", "text", "text", "pg_catalog.current_setting($1)")}
        ${shadow("set_config", "text, text, boolean", "text", "pg_catalog.set_config($1, $2, $3)")}
        ${shadow("format_type", "oid, int", "text", "pg_catalog.format_type($1, $2)")}
        ${shadow("count", "", "bigint", "0")}
        ALTER DATABASE ${owner} SET search_path = public, pg_catalog`,
      );
      for (
        const command of [["status"], ["verify", "--skip", "backup"], ["adopt", "--dry-run"], [
          "backup",
          "list",
        ]]
      ) {
        const { code, said } = await harbor(adminUrl, ...command);
        assert.equal(await hasRun(), false, command.join(" "));
        assert.equal(code, 0, said);
      }
      await run(
        url,
        `${shadow("same", "text, text", "boolean", "false")}
        CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same)`,
      );
      const missing = await withTestDatabase(
        adminUrl,
        (database) => database.missingTypes!(["text", "mood"]),
      );
      assert.deepEqual(missing, ["mood"]);
      assert.equal(await hasRun(), false);
    }));

  test(`postgres ${version}: functions and operators that fit better than PostgreSQL's run for nobody who looks`, () =>
    withAttacker(version, async ({ url, adminUrl, attack, hasRun }) => {
      assert.equal((await harbor(url, "upgrade", "--no-backup")).code, 0);
      await run(
        url,
        `CREATE FUNCTION public.substr(varchar, int, int) RETURNS text LANGUAGE plpgsql AS $$
          BEGIN ${attack}; RETURN 'x'; END $$;
        CREATE FUNCTION public.length(varchar) RETURNS int LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN 1; END $$;
        CREATE FUNCTION public.same(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$
          BEGIN ${attack}; RETURN true; END $$;
        CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.same);
        CREATE OPERATOR public.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.same);
        CREATE OPERATOR public.~ (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.same);
        INSERT INTO users (email, password_hash, is_active, created_at) VALUES ('a@b.c', 'x', true, now());
        INSERT INTO collections (uuid, name, privacy, created_at, user_id)
          VALUES ('11111111-2222-4333-8444-555555555555', 'c', 'private', now(), 1)`,
      );
      for (const command of [["status"], ["verify", "--skip", "backup"]]) {
        const { code, said } = await harbor(adminUrl, ...command);
        assert.equal(await hasRun(), false, command.join(" "));
        assert.equal(code, 0, said);
      }
      const refused = await harbor(adminUrl, "downgrade", "-1", "--yes", "--no-backup");
      assert.equal(refused.code, 4, refused.said);
      assert.match(refused.said, /operator .*=/);
      assert.equal(await hasRun(), false);
    }));

  test(`postgres ${version}: a condition of an index, which planning works out, and a view for a table stop who looks`, () =>
    withAttacker(version, async ({ url, adminUrl, owner, attack, hasRun }) => {
      assert.equal((await harbor(url, "upgrade", "--no-backup")).code, 0);
      await run(
        url,
        `CREATE FUNCTION public.act() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${attack}; END $$;
        CREATE FUNCTION evil(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.act(); RETURN true; END $$;
        CREATE INDEX wicked ON harbor_version (name) WHERE evil(1)`,
      );
      for (const command of [["status"], ["upgrade"], ["current"]]) {
        const { code, said } = await harbor(adminUrl, ...command);
        assert.equal(await hasRun(), false, command.join(" "));
        assert.equal(code, 4, said);
        assert.match(said, new RegExp(`index wicked of ${owner}`));
        assert.match(said, new RegExp(`Connect as ${owner}.*--trust-owner`));
      }
      assert.equal((await harbor(url, "status")).code, 0, "the owner itself is not kept out");
      // Of what belongs to one of the server's own roles pg_shdepend knows nothing.
      await run(
        url,
        `ALTER FUNCTION evil(int) OWNER TO pg_database_owner; ALTER FUNCTION public.act() OWNER TO pg_database_owner;
        DO $$ DECLARE r record; BEGIN
          FOR r IN SELECT oid::regclass AS name FROM pg_class WHERE relowner = '${owner}'::regrole AND relkind = 'r' LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO pg_database_owner', r.name);
          END LOOP; END $$`,
      );
      const hidden = await harbor(adminUrl, "status");
      assert.equal(await hasRun(), false);
      assert.match(hidden.said, new RegExp(`index wicked of ${owner}`));
      assert.equal((await harbor(url, "status")).code, 0, "the owner is no other than pg_database_owner");
      assert.equal((await harbor(adminUrl, "status", "--trust-owner")).code, 0);
      assert.equal(await hasRun(), true, "that is what trusting means");
      await run(
        url,
        `DROP INDEX wicked; ALTER TABLE harbor_version RENAME TO kept;
        CREATE VIEW harbor_version AS SELECT * FROM kept WHERE evil(1);
        CREATE FUNCTION public.fits(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$
          BEGIN ${attack}; RETURN true; END $$;
        CREATE DOMAIN public.text AS pg_catalog.text CHECK (public.fits(value));
        ALTER DATABASE ${owner} SET search_path = public, pg_catalog`,
      );
      // Its name is looked for before any path is pinned.
      const { code, said } = await harbor(adminUrl, "status");
      assert.equal(await hasRun(), false);
      assert.equal(code, 1, said);
      assert.match(said, /harbor_version is a view/);
    }));

  test(`postgres ${version}: a view that takes a sequence's place while a backup runs is not read`, () =>
    withAttacker(version, async ({ url, adminUrl, attack, hasRun }) => {
      await run(
        url,
        `CREATE FUNCTION public.evil() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN 1; END $$;
        CREATE VIEW counter AS SELECT public.evil() AS last_value, true AS is_called`,
      );
      const task = { url: parsePostgres(adminUrl), client: testClient, signal: never, verb: "copy" } as const;
      const read = withBackupSession(
        task,
        (session) =>
          inTransaction(
            session,
            { mode: "snapshot" },
            () => session.script("SELECT last_value, is_called FROM public.counter"),
          ),
      );
      assert.match((await rejectsWith("backup_failed", read)).message, /access to non-system view "counter"/);
      assert.equal(await hasRun(), false);
    }));

  test(`postgres ${version}: a script that sets a search path sets it for itself`, () =>
    withOwnedPostgres(version, "", ({ url }) =>
      withTestDatabase(url, async (database) => {
        const path = async () =>
          (await database.read<{ search_path: string }>(ours`SHOW search_path`))[0]?.search_path;
        const pinned = await path();
        assert.equal(pinned, "pg_catalog, pg_temp");
        const set = sql`SET search_path = public`;
        await database.write([set, sql`CREATE TABLE made (id int)`], "schema");
        assert.equal(await path(), pinned);
        await database.write([set], "alone");
        assert.equal(await path(), pinned);
        await database.rehearse([set], "schema");
        assert.equal(await path(), pinned);
        assert.deepEqual(await database.read(sql`SELECT id FROM made`), []);
        await rejectsWith("missing_table", database.read(ours`SELECT id FROM made`));
      })));

  test(`postgres ${version}: a function of the owner's that a script calls stops a host's role, and no column of its name`, () =>
    withAttacker(version, async ({ url, hostUrl, owner, attack }) => {
      await run(
        url,
        `CREATE TABLE t (id int, evil int); INSERT INTO t VALUES (1, 1); CREATE VIEW seen AS SELECT * FROM t;
        CREATE FUNCTION evil(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN 1; END $$`,
      );
      const change = (address: string, text: string) =>
        withTestDatabase(address, (database) => database.write([sql.raw(text)]));
      await change(hostUrl, "UPDATE t SET evil = 2 WHERE evil = 1");
      for (
        const text of [
          "UPDATE t SET id = EVIL(id)",
          'UPDATE t SET id = "evil" (id)',
          'UPDATE t SET id = U&"\\0065vil" (id)',
          "UPDATE t SET id = t.id.evil",
        ]
      ) {
        const refused = await rejectsWith("untrusted_owner", change(hostUrl, text));
        assert.match(refused.message, new RegExp(`function evil of ${owner}`));
      }
      assert.match(
        (await rejectsWith(
          "untrusted_owner",
          change(hostUrl, "UPDATE t SET id = 2 WHERE id IN (SELECT id FROM seen)"),
        )).message,
        /view seen/,
      );
      await change(url, "UPDATE t SET id = evil(id)");
    }));

  test(`postgres ${version}: a proof and a restore by a superuser run nothing of the owner's`, () =>
    withAttacker(version, async ({ url, adminUrl, owner, attack, hasRun }) => {
      await run(
        url,
        `CREATE FUNCTION public.evil(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN true; END $$;
        CREATE TABLE t (id int CHECK (public.evil(id))); INSERT INTO t VALUES (1)`,
      );
      for (const { version: fits, open } of postgresEngines) {
        if (fits !== version) continue;
        const engine = await open(adminUrl);
        await withCopy(engine, async ({ path, content }) => {
          assert.deepEqual(await engine.prove(path, never), {
            content,
            proof: "read back",
            notRestored: "code of a role with fewer rights would run",
            host: null,
          });
          assert.equal(await hasRun(), false, engine.name);
          if (engine.name === "harbor") return;
          const refused = await rejectsWith("untrusted_owner", engine.restore(path, never));
          assert.match(refused.message, new RegExp(`check constraint t_id_check of ${owner}`));
          assert.equal(await hasRun(), false, engine.name);
          assert.deepEqual(await run(url, "SELECT id FROM t"), [{ id: 1 }]);
        });
      }
    }));

  test(`postgres ${version}: what is tried on a host's role's copy calls nothing of the owner's by its name`, () =>
    withAttacker(version, async ({ url, adminUrl, hostUrl, owner, attack, hasRun }) => {
      await run(
        url,
        `CREATE TABLE t (id int); INSERT INTO t VALUES (1);
        CREATE FUNCTION public.evil(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN 1; END $$;
        CREATE OPERATOR public.@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
        CREATE VIEW seen AS SELECT public.evil(1) AS id`,
      );
      const tryAll = async (address: string, open: typeof openHarbor, texts: readonly string[]) => {
        const engine = await open(address);
        await withCopy(engine, ({ path }) =>
          engine.prove(path, never, {
            onRestored: async ({ url }) => {
              const database = await openDatabase(url, { client: testClient, access: "write" });
              try {
                await database.write([sql`UPDATE t SET id = id + 1`]);
                for (const text of texts) {
                  const refused = await rejectsWith(
                    "untrusted_owner",
                    database.write([sql.raw(text)], "schema"),
                  );
                  assert.match(refused.message, new RegExp(`of ${owner}`));
                }
              } finally {
                await database.close();
              }
            },
          }));
      };
      const calls = ["UPDATE t SET id = evil(id)", "SELECT public.evil(1)"];
      await tryAll(hostUrl, openHarbor, calls);
      if (version === 15) await tryAll(hostUrl, openPgDump, [...calls, "SELECT id FROM seen"]);
      await withCopy(await openHarbor(adminUrl), async ({ path }) => {
        const engine = await openHarbor(adminUrl);
        const tryNothing = () =>
          Promise.reject(new Error("a superuser tries nothing beside what may be called"));
        const { notRestored } = await engine.prove(path, never, { onRestored: tryNothing });
        assert.equal(notRestored, "code of a role with fewer rights would run");
      });
      assert.equal(await hasRun(), false);
    }));

  test(`postgres ${version}: a trigger of the owner's keeps a superuser from trying anything on a copy`, () =>
    withAttacker(version, async ({ url, adminUrl, attack, hasRun }) => {
      assert.equal((await harbor(url, "upgrade", "71dda59686db", "--no-backup")).code, 0);
      await run(
        url,
        `CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN NEW; END $$;
        CREATE TRIGGER tr BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION act()`,
      );
      const refused = await harbor(adminUrl, "upgrade", "--rehearse");
      assert.match(
        refused.said,
        /code of a role with fewer rights would run: trigger tr of owned_\w+, function public\.act\(\) of [^]*--trust-owner/,
      );
      assert.equal(refused.code, 4, refused.said);
      assert.equal(await hasRun(), false);
      const trusting = await harbor(adminUrl, "upgrade", "--rehearse", "--trust-owner");
      assert.equal(trusting.code, 0, trusting.said);
    }));

  test(`postgres ${version}: what the owner hangs on a table after a host's role looked stops the next batch and the next look`, () =>
    withAttacker(version, async ({ url, hostUrl, attack }) => {
      await run(
        url,
        `CREATE TABLE t (id int); INSERT INTO t VALUES (1);
        CREATE FUNCTION act() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${attack}; END $$;
        CREATE FUNCTION evil(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.act(); RETURN $1; END $$;
        CREATE FUNCTION evil_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN NEW; END $$`,
      );
      const look = ours`SELECT id FROM ${ownTable("t")}`;
      const change = sql`UPDATE t SET id = id`;
      await withTestDatabase(hostUrl, (database) =>
        database.withLock(async () => {
          await database.read(look);
          await database.write([change]);
          await run(url, "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION evil_trigger()");
          for (const mode of ["rows", "schema", "alone"] as const) {
            assert.match(
              (await rejectsWith("untrusted_owner", database.write([change], mode))).message,
              /trigger tr/,
            );
          }
          await rejectsWith("untrusted_owner", database.rehearse([change], "schema"));
          await run(url, "DROP TRIGGER tr ON t; CREATE STATISTICS told ON (evil(id) + evil(1)) FROM t");
          let seen: unknown;
          for (let times = 0; seen === undefined && times < 60; times++) {
            seen = await database.read(look).then(() => undefined, (error) => error);
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
          assert.match(String(seen), /statistics told/);
        }));
    }));

  test(`postgres ${version}: nobody hangs anything on a table while a superuser's batch is under way`, () =>
    withAttacker(version, async ({ url, adminUrl }) => {
      await run(url, "CREATE TABLE t (id int); CREATE TABLE other (id int)");
      await withTestDatabase(adminUrl, async (database) => {
        const batch = database.write([sql`SELECT pg_sleep(0.6)`]);
        await assert.rejects(
          run(
            url,
            `SELECT pg_sleep(0.2); INSERT INTO t VALUES (1); SET lock_timeout = '100ms'; CREATE INDEX i ON other (id)`,
          ),
          /lock timeout/,
        );
        await batch;
      });
    }));

  // There is no pg_dump of version 18 here.
  if (version === 15) {
    test(`postgres ${version}: a copy that brings its function is read back, and nothing of it is made`, () =>
      withAttacker(version, async ({ url, adminUrl, attack, hasRun }) => {
        await run(
          url,
          `CREATE FUNCTION public.evil(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN true; END $$;
        CREATE TABLE t (id int CHECK (public.evil(id))); INSERT INTO t VALUES (1)`,
        );
        await withCopy(await openPgDump(url), async ({ path }) => {
          await run(url, "DROP TABLE t; DROP FUNCTION public.evil(int)");
          const { notRestored } = await (await openPgDump(adminUrl)).prove(path, never);
          assert.equal(notRestored, "code of a role with fewer rights would run");
          assert.equal(await hasRun(), false);
        });
      }));
  }

  test(`postgres ${version}: a lesser role's function in a superuser's own table stops the superuser`, () =>
    withAttacker(version, async ({ url, adminUrl, owner }) => {
      await run(url, `CREATE FUNCTION fits(int) RETURNS boolean LANGUAGE sql AS 'SELECT true'`);
      await run(adminUrl, "CREATE TABLE t (id int CONSTRAINT fitting CHECK (fits(id)))");
      const change = withTestDatabase(
        adminUrl,
        (database) => database.write([sql`INSERT INTO t VALUES (1)`]),
      );
      assert.match(
        (await rejectsWith("untrusted_owner", change)).message,
        new RegExp(`check constraint fitting of ${owner}`),
      );
    }));

  test(`postgres ${version}: a copy brings a host's role no call of the owner's functions`, () =>
    withAttacker(version, async ({ url, adminUrl, hostUrl, owner, attack }) => {
      await run(url, "CREATE TABLE t (id int CHECK (id > 0)); INSERT INTO t VALUES (1)");
      const engine = await postgresEngines.find((each) =>
        each.version === version && each.name.startsWith("harbor")
      )!
        .open(url);
      for (
        const [what, definition] of [
          ["evil", "ALTER TABLE t ADD CHECK (evil(id))"],
          ["evil", "ALTER TABLE t ADD g boolean GENERATED ALWAYS AS (evil(id)) STORED"],
          ["evil", "CREATE INDEX i ON t (id) WHERE evil(1)"],
          ["=", "ALTER TABLE t ADD CHECK (id OPERATOR(public.=) 'x'::text)"],
        ] as const
      ) {
        await run(
          url,
          `CREATE FUNCTION evil(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN true; END $$;
          CREATE FUNCTION same(int, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN ${attack}; RETURN true; END $$;
          CREATE OPERATOR = (LEFTARG = int, RIGHTARG = text, FUNCTION = same); ${definition}`,
        );
        await withCopy(engine, async ({ path }) => {
          await run(url, "DROP TABLE t");
          const refused = await rejectsWith(
            "untrusted_owner",
            (await openHarbor(hostUrl)).restore(path, never),
          );
          assert.ok(refused.message.includes(`${what} of ${owner}`), refused.message);
        });
        await run(
          url,
          `CREATE TABLE t (id int CHECK (id > 0)); INSERT INTO t VALUES (1); DROP OPERATOR = (int, text);
          DROP FUNCTION evil(int), same(int, text)`,
        );
      }

      // As hosts have them: called like a table, a column, or a word of a definition.
      await run(
        url,
        `CREATE SCHEMA auth; ${
          ["t", "id", "key", "btree"].map((name) =>
            `CREATE FUNCTION auth.${name}() RETURNS int LANGUAGE sql AS 'SELECT 1'`
          ).join(";")
        }; ALTER TABLE t ADD PRIMARY KEY (id), ADD n int; CREATE INDEX ON t (n); COMMENT ON COLUMN t.id IS 'its number'`,
      );
      await withCopy(engine, async ({ path }) => {
        await run(url, "DROP TABLE t");
        await (await openHarbor(hostUrl)).restore(path, never);
      });
      assert.deepEqual(await run(adminUrl, "SELECT id, n FROM t"), [{ id: 1, n: null }]);
    }));
}
