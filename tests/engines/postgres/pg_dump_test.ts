import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  openPgDumpEngine,
  openPgRestoreEngine,
} from "../../../src/engines/postgres/backup/pg_dump/engine.ts";
import { findPgDump } from "../../../src/engines/postgres/backup/pg_dump/find_program.ts";
import { connectionEnvironment } from "../../../src/engines/postgres/backup/pg_dump/program.ts";
import { testClient, withFolder } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import {
  never,
  openHarbor,
  openPgDump,
  parsePostgres,
  run,
  withCopy,
} from "../../support/postgres_engines.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";
import { withFreshPostgres } from "../../support/servers/postgres_server.ts";

/** Makes a folder with client programs that know nothing but their version. */
async function makePrograms(folder: string, version: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const name of ["pg_dump", "pg_restore"]) {
    await makeScript(`${folder}/${name}`, `echo "${name} (PostgreSQL) ${version}"`);
  }
  return folder;
}

async function makeScript(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}

// Versions that no machine has.
test("findPgDump() takes the version nearest to the server's, of those that are not older", () =>
  withFolder(async (folder) => {
    const folders = [];
    for (const version of ["92.1 (Debian 92.1-1)", "89.4", "91beta1", "91.2"]) {
      folders.push(await makePrograms(`${folder}/${folders.length}`, version));
    }
    const found = await findPgDump({ serverMajor: 90, environment: { PATH: folders.join(":") } });
    assert.deepEqual(found, {
      pgDump: `${folder}/2/pg_dump`,
      pgRestore: `${folder}/2/pg_restore`,
      major: 91,
      version: "91beta1",
    });
  }));

test("findPgDump() refuses one that is too old, and names both versions", () =>
  withFolder(async (folder) => {
    await makePrograms(folder, "89.4");
    const refused = await rejectsWith(
      "backup_failed",
      findPgDump({ serverMajor: 90, environment: { PATH: folder } }),
    );
    assert.match(refused.message, /it is version 89\.4, and the server has version 90$/);
    assert.match(refused.hint ?? "", /postgresql-client-90.*--backup-engine harbor/);
    assert.equal(refused.details["pgDump"], "too_old");
  }));

test("findPgDump() passes over what is broken, incomplete or a wrapper", () =>
  withFolder(async (folder) => {
    await makePrograms(`${folder}/alone`, "95.1");
    await promisify(execFile)("rm", [`${folder}/alone/pg_restore`]);
    await makePrograms(`${folder}/broken`, "95.1");
    await makeScript(`${folder}/broken/pg_dump`, "exit 1");
    await makePrograms(`${folder}/wrapped`, "95.1");
    await promisify(execFile)("mv", [`${folder}/wrapped/pg_dump`, `${folder}/wrapped/pg_wrapper`]);
    await symlink("pg_wrapper", `${folder}/wrapped/pg_dump`);
    const PATH = ["alone", "broken", "wrapped"].map((name) => `${folder}/${name}`).join(":");
    await rejectsWith("backup_failed", findPgDump({ serverMajor: 90, environment: { PATH } }));
  }));

test("pg_dump: without PATH the usual folders are searched", () =>
  withFreshPostgres(15, async (url) => {
    const engine = await openPgDumpEngine(parsePostgres(url), testClient);
    assert.equal(engine.name, "pg_dump");
  }));

test("pg_dump: one that is older than the server is refused before anything starts", () =>
  withFreshPostgres(18, async (url) => {
    const refused = await rejectsWith("backup_failed", openPgDump(url));
    assert.match(refused.message, /pg_dump": it is version 1[5-7]\.\d+, and the server has version 18$/);
  }));

test("pg_dump: a copy moves to a newer server than pg_restore is", () =>
  withOwnedPostgres(15, "", (source) =>
    withOwnedPostgres(18, "CREATEDB", async (target) => {
      await run(
        source.url,
        "CREATE TABLE t (id serial PRIMARY KEY, x text); INSERT INTO t (x) VALUES ('a'), ('b')",
      );
      await withCopy(await openPgDump(source.url), async ({ path, content }) => {
        const reader = await openPgRestoreEngine(parsePostgres(target.url), testClient);
        assert.deepEqual(await reader.prove(path, never), {
          content,
          proof: "scratch database",
          notRestored: null,
          host: null,
        });
        await reader.restore(path, never);
        assert.deepEqual(await run(target.url, "INSERT INTO t (x) VALUES ('c') RETURNING id"), [{ id: 3 }]);
        await withFolder((folder) => rejectsWith("backup_failed", reader.dump(`${folder}/copy`, never)));
      });
    })));

test("pg_dump: the password is in its environment and nowhere else, and nothing of ours beside", () =>
  withOwnedPostgres(15, "", ({ url, role }) =>
    withFolder(async (folder) => {
      const real = await findPgDump({ serverMajor: 15, environment: { PATH: process.env["PATH"] } });
      await makeScript(
        `${folder}/pg_dump`,
        `[ "$1" = --version ] || { echo "$@" >${folder}/args; env >${folder}/env; }; exec ${real.pgDump} "$@"`,
      );
      await symlink(real.pgRestore, `${folder}/pg_restore`);
      const engine = await openPgDumpEngine(
        parsePostgres(`${url}?options=-cstatement_timeout%3D60000`),
        testClient,
        { PATH: folder, PGPASSWORD: "not this one", SECRET: "of somebody else" },
      );
      await withCopy(engine, async () => {
        const [args, env] = await Promise.all([
          readFile(`${folder}/args`, "utf8"),
          readFile(`${folder}/env`, "utf8"),
        ]);
        assert.doesNotMatch(args, /secret/);
        assert.match(env, /^PGPASSWORD=owner secret\/2$/m);
        assert.match(env, new RegExp(`^PGUSER=${role}$`, "m"));
        assert.match(env, /^PGOPTIONS=-c statement_timeout=60000$/m);
        assert.doesNotMatch(env, /somebody else|not this one|HOME=/);
      });
    })));

const environments: readonly [string, string, number, Readonly<Record<string, string | undefined>>][] = [
  ["an address", "postgresql://me@[::1]:6543/my%20db", 15, {
    PGHOST: "::1",
    PGPORT: "6543",
    PGUSER: "me",
    PGDATABASE: "my db",
    PGPASSWORD: undefined,
    PGSSLMODE: "prefer",
    PGOPTIONS: undefined,
    PGTZ: "UTC",
  }],
  ["a socket", "postgresql:///db?user=me&host=/run/pg", 15, { PGHOST: "/run/pg", PGSSLMODE: "disable" }],
  [
    "certificates",
    "postgresql://me@h/db?sslmode=verify-ca&sslrootcert=/r.pem&sslcert=/c.pem&sslkey=/k.pem&connect_timeout=3",
    15,
    {
      PGSSLMODE: "verify-ca",
      PGSSLROOTCERT: "/r.pem",
      PGSSLCERT: "/c.pem",
      PGSSLKEY: "/k.pem",
      PGCONNECT_TIMEOUT: "3",
    },
  ],
  ["the machine's authorities", "postgresql://me@h/db?sslmode=verify-full", 16, { PGSSLROOTCERT: "system" }],
  [
    "settings",
    "postgresql://me@h/db?options=-csearch_path%3D%22a%5C%20b%22%20-c%20TimeZone%3DAsia/Tokyo",
    15,
    {
      PGOPTIONS: '-c search_path="a\\ b"',
      PGTZ: "UTC",
    },
  ],
];
for (const [what, url, major, expected] of environments) {
  test(`pg_dump: connects as harbor-db does: ${what}`, () => {
    const made = connectionEnvironment({ url: parsePostgres(url), client: testClient, major, settings: {} });
    assert.deepEqual({ ...made, ...pick(made, expected) }, { ...made, ...expected });
  });
}

function pick(record: Readonly<Record<string, string>>, like: object): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(like).map((name) => [name, record[name]]));
}

const everything = `
CREATE TYPE mood AS ENUM ('good', 'b''ad'); CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE FUNCTION sum_up(integer, integer) RETURNS integer STRICT LANGUAGE plpgsql AS $$ BEGIN /*
COPY public.fake (a) FROM stdin;
\\.
*/ RETURN $1 + $2; END $$;
CREATE AGGREGATE total (integer) (sfunc = sum_up, stype = integer);
CREATE OPERATOR @+@ (leftarg = integer, rightarg = integer, function = sum_up);
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at date, how mood, n positive, p pair) PARTITION BY RANGE (at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2024-01-01');
CREATE TABLE events_new PARTITION OF events DEFAULT;
CREATE INDEX ON events (at);
INSERT INTO events (at, how, n, p) SELECT date '2023-01-01' + g, 'good', g + 1, row(g::int, 'x')::pair FROM generate_series(1, 700) g;
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (x int) INHERITS (parent); INSERT INTO child VALUES (1, 2);
CREATE VIEW totals AS SELECT how, total(n) FROM events GROUP BY how;
CREATE COLLATION byte_order (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION plain (copy = simple);
`;

test("pg_dump: a copy with a sequence elsewhere is another one, and its proof sees that", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
    await run(url, "CREATE TABLE t (id serial PRIMARY KEY); CREATE SEQUENCE lonely");
    const engine = await openPgDump(url);
    await withCopy(engine, async (one) => {
      await run(url, "SELECT nextval('lonely')");
      await withCopy(engine, async (other) => {
        const { content } = await engine.prove(other.path, never);
        assert.deepEqual(content, other.content);
        assert.notEqual(content.state, one.content.state);
        assert.deepEqual({ ...content, state: one.content.state }, one.content);
      });
    });
  }));

test("pg_dump: carries all kinds of objects, and whatever was made since goes", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url, role, adminUrl }) => {
    await run(adminUrl, "CREATE EXTENSION pg_trgm; CREATE EXTENSION citext");
    await run(url, everything);
    await run(url, "CREATE TABLE words (w citext); CREATE INDEX ON words USING gin ((w::text) gin_trgm_ops)");
    const engine = await openPgDump(url);
    await run(adminUrl, "CREATE PUBLICATION feed FOR TABLE words");
    assert.deepEqual((await engine.uncarried()).map(({ kind, name }) => `${kind} ${name}`), [
      "extension citext",
      "extension pg_trgm",
      "publication feed",
    ]);
    await run(adminUrl, "DROP PUBLICATION feed; REVOKE SELECT ON pg_publication_rel FROM PUBLIC");
    assert.match((await engine.uncarried())[0]!.name, /^outside .*could not be listed .*permission denied/);
    await run(adminUrl, "GRANT SELECT ON pg_publication_rel TO PUBLIC");
    await run(
      adminUrl,
      "CREATE SCHEMA apart; CREATE TABLE apart.long (t text); CREATE VIEW apart.v AS SELECT t FROM apart.long",
    );
    assert.deepEqual((await engine.uncarried()).map(({ kind }) => kind), ["extension", "extension"]);
    await withCopy(engine, async ({ path, content }) => {
      assert.deepEqual(
        content.tables.map((table) => [table.name, table.rows]),
        [
          ["child", 1],
          ["events_new", 336],
          ["events_old", 364],
          ["parent", 0],
          ["words", 0],
        ].sort(),
      );
      assert.deepEqual(await engine.prove(path, never), {
        content,
        proof: "scratch database",
        notRestored: null,
        host: null,
      });
      await run(
        adminUrl,
        `SET ROLE ${role}; DROP VIEW totals; DROP TABLE events; DROP AGGREGATE total (integer); ALTER TYPE mood ADD VALUE 'new';
        CREATE TABLE mine (m mood DEFAULT 'good', p pair); CREATE FUNCTION f(mine) RETURNS mood LANGUAGE sql AS 'SELECT $1.m';
        CREATE VIEW loops AS SELECT f(mine) FROM mine; CREATE TYPE later AS (x int)`,
      );
      await engine.restore(path, never);
      await withCopy(engine, (again) => Promise.resolve(assert.deepEqual(again.content, content)));
      const [row] = await run(url, "SELECT total::int, 1 @+@ 2 AS three FROM totals");
      assert.deepEqual(row, { total: 246050, three: 3 });
    });
  }));

test("harbor: refuses tables whose rows it would lose", () =>
  withOwnedPostgres(15, "", async ({ url }) => {
    await run(url, everything);
    await withFolder(async (folder) => {
      const engine = await openHarbor(url);
      const refused = await rejectsWith("backup_failed", engine.dump(`${folder}/copy`, never));
      const tables = ["child", "events", "events_new", "events_old", "parent"];
      assert.deepEqual(refused.details["tables"], tables.map((name) => `public.${name}`));
      assert.match(refused.hint ?? "", /--backup-engine pg_dump/);
    });
  }));

test("harbor: names what it does not carry", () =>
  withOwnedPostgres(15, "", async ({ url, adminUrl, role }) => {
    await run(adminUrl, "CREATE EXTENSION citext; CREATE EXTENSION pg_trgm");
    await run(
      url,
      `CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN positive AS int; CREATE SEQUENCE counter;
      CREATE TABLE t (id serial PRIMARY KEY, m mood, c citext); CREATE VIEW v AS SELECT * FROM t;
      CREATE MATERIALIZED VIEW mv AS SELECT 1 AS one; CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER on_t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tr();
      CREATE POLICY p ON t USING (true); GRANT SELECT ON t TO PUBLIC; SELECT lo_create(0);
      CREATE TABLE harbor_identity (); GRANT SELECT ON harbor_identity TO PUBLIC`,
    );
    await run(adminUrl, "CREATE TABLE theirs (); GRANT SELECT ON theirs TO " + role);
    const found = await (await openHarbor(url)).uncarried();
    assert.deepEqual(found.map(({ kind, name, table }) => `${kind} ${name}${table ? ` on ${table}` : ""}`), [
      "extension citext",
      "function f(integer)",
      "function tr()",
      "grant SELECT to PUBLIC on t",
      `grant SELECT to ${role} on theirs`,
      "large objects 1",
      "materialized view mv",
      "owner postgres on theirs",
      "policy p on t",
      "trigger on_t on t",
      "type mood",
      "type positive",
      "view v",
    ]);
  }));

test("harbor: what needs an enum type is proven beside one, and by reading it back where it needs more", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
    await run(
      url,
      "CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood); INSERT INTO t VALUES ('a'), (NULL)",
    );
    const engine = await openHarbor(url);
    await withCopy(engine, async ({ path, content }) => {
      const restored = { content, proof: "scratch database", notRestored: null, host: null };
      assert.deepEqual(await engine.prove(path, never), restored);
      await run(url, "CREATE DOMAIN few AS int CHECK (VALUE < 9); CREATE TABLE more (n few)");
      await withCopy(engine, async (copy) =>
        assert.deepEqual(await engine.prove(copy.path, never), {
          content: copy.content,
          proof: "read back",
          notRestored: "its definitions need something outside of the copy",
          host: null,
        }));
      await run(url, "DELETE FROM t");
      await engine.restore(path, never);
      assert.deepEqual(await run(url, "SELECT count(*)::int AS n FROM t"), [{ n: 2 }]);
    });
  }));

test("harbor: psql can run a copy, too", () =>
  withOwnedPostgres(15, "", ({ url }) =>
    withOwnedPostgres(15, "", async (target) => {
      await run(
        url,
        `CREATE TABLE t (id serial PRIMARY KEY, "o""dd" text); INSERT INTO t ("o""dd") VALUES (E'\\\\.\\n;')`,
      );
      await withCopy(await openHarbor(url), async ({ path, content }) => {
        await promisify(execFile)("psql", [
          target.url,
          "--no-psqlrc",
          "--set=ON_ERROR_STOP=1",
          `--file=${path}`,
        ]);
        await withCopy(
          await openHarbor(target.url),
          (again) => Promise.resolve(assert.deepEqual(again.content, content)),
        );
      });
    })));

for (const engine of [openPgDump, openHarbor]) {
  test(`${engine === openHarbor ? "harbor" : "pg_dump"}: names what of the user's is in no schema`, () =>
    withOwnedPostgres(15, "SUPERUSER", async ({ url }) => {
      await run(
        url,
        `CREATE TABLE t (id int PRIMARY KEY); CREATE EXTENSION postgres_fdw;
        CREATE SERVER abroad FOREIGN DATA WRAPPER postgres_fdw;
        CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION watch();
        CREATE SUBSCRIPTION feed CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)`,
      );
      try {
        const found = (await (await engine(url)).uncarried()).map(({ kind, name }) => `${kind} ${name}`);
        assert.deepEqual(found.filter((each) => !/^(?:extension|function)/.test(each)), [
          "event trigger watching",
          "server abroad",
          "subscription feed",
        ]);
      } finally {
        // A database with one stays.
        await run(url, "ALTER SUBSCRIPTION feed SET (slot_name = NONE)");
        await run(url, "DROP SUBSCRIPTION feed");
      }
    }));
}

test("pg_dump: an event trigger whose function is another one in the copy, or not there, is named and the rest restored", () =>
  withOwnedPostgres(15, "SUPERUSER", async ({ url }) => {
    await run(
      url,
      "CREATE TABLE t (id int); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    );
    const engine = await openPgDump(url);
    await withCopy(engine, async ({ path }) => {
      const watching = ["note", "gone"].map((name) =>
        `CREATE FUNCTION ${name}() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER on_${name} ON ddl_command_end EXECUTE FUNCTION ${name}();`
      );
      await run(url, `DROP FUNCTION note; DROP TABLE t; ${watching.join("")}`);
      const remarks: string[] = [];
      await engine.restore(path, never, { database: null, onRemark: (text) => remarks.push(text) });
      assert.deepEqual(remarks, [
        "the event trigger on_note is gone: its function public.note() is none of an event trigger in the copy",
        "the event trigger on_gone is gone: the copy does not have its function public.gone()",
      ]);
      assert.deepEqual(await run(url, "SELECT count(*)::int AS count FROM t"), [{ count: 0 }]);
    });
  }));

for (const open of [openPgDump, openHarbor]) {
  test(`${open === openHarbor ? "harbor" : "pg_dump"}: a restore takes down the event triggers of what it replaces, and puts them up again`, () =>
    withOwnedPostgres(15, "SUPERUSER", async ({ url }) => {
      await run(
        url,
        `CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE log (tag text);
        CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.log VALUES (tg_tag); END';
        CREATE EVENT TRIGGER "noting it" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION note();
        ALTER EVENT TRIGGER "noting it" ENABLE ALWAYS; COMMENT ON EVENT TRIGGER "noting it" IS 'ours'`,
      );
      const there =
        `SELECT evtname, evtevent, evttags::text, evtenabled::text, evtfoid::regproc::text AS calls,
        obj_description(oid, 'pg_event_trigger') AS said FROM pg_event_trigger`;
      const before = await run(url, there);
      assert.equal(before.length, 1);
      const engine = await open(url);
      await withCopy(engine, async ({ path }) => {
        await run(url, "CREATE TABLE later (id int)");
        await engine.restore(path, never);
        assert.deepEqual(await run(url, there), before);
        assert.deepEqual(await run(url, "SELECT count(*)::int AS count FROM log"), [{ count: 0 }]);
      });
    }));
}
