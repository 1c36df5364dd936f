import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { never, postgresEngines, run, withCopy } from "../support/postgres_engines.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";
import { withClient } from "../support/servers/postgres_server.ts";

/** Text that would be a statement of its own to who reads names by lines or by semicolons. */
const attack = (role: string) => `\nALTER ROLE ${role} SUPERUSER; --`;

/** What takes one line of a script for another. */
const confusing = [
  "new\nline",
  "two;\nstatements;",
  `quo"te\n;`,
  "x;\n\\.\n",
  "x\n-- PostgreSQL database dump complete\n--\n",
  "x\nSET row_security = off;\n",
  "x\nCOPY public.a (b) FROM stdin;\n",
  "'\n$$;",
  "/*\n--",
];

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Makes a role beside the database's owner, which may create in the schema and nothing else. */
async function withIntruder(adminUrl: string, work: (role: string) => Promise<void>): Promise<void> {
  const role = `mallory_${randomBytes(4).toString("hex")}`;
  await run(adminUrl, `CREATE ROLE ${role}; GRANT CREATE, USAGE ON SCHEMA public TO ${role}`);
  try {
    await work(role);
  } finally {
    await run(adminUrl, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  }
}

/** All rights on relations and functions, and the rows of all tables. */
async function look(adminUrl: string): Promise<unknown> {
  const rights = await run(
    adminUrl,
    `SELECT relname, concat(relkind, relrowsecurity, relforcerowsecurity) AS kind, relacl::text,
      pg_get_userbyid(relowner) AS owner FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S') UNION ALL
    SELECT proname, 'f', proacl::text, pg_get_userbyid(proowner) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2`,
  );
  const rows = await run(
    adminUrl,
    `SELECT relname, query_to_xml(format('SELECT * FROM %s', oid::regclass), true, true, '')::text AS rows
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
  );
  return { rights, rows };
}

for (const { name, version, open } of postgresEngines) {
  test(`${name}: names that hold statements run in no backup and no restore, and lose no right`, () =>
    withOwnedPostgres(version, "", ({ adminUrl, role: owner }) =>
      withIntruder(adminUrl, async (role) => {
        const named = (what: string) => quoted(`${what}${attack(role)}`);
        await run(
          adminUrl,
          `SET ROLE ${role}; CREATE TABLE ${named("t")} (id serial, ${named("c")} text);
          INSERT INTO ${named("t")} (${named("c")}) VALUES ('a'), (E'b\\n\\\\.');
          CREATE INDEX ${named("i")} ON ${named("t")} (id); GRANT SELECT ON ${named("t")} TO ${owner};
          GRANT UPDATE (${named("c")}) ON ${named("t")} TO PUBLIC;
          ALTER TABLE ${named("t")} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
        );
        if (name.startsWith("pg_dump")) {
          await run(
            adminUrl,
            `SET ROLE ${role}; CREATE VIEW ${named("x")} AS SELECT 1 AS one; GRANT SELECT ON ${
              named("x")
            } TO ${owner};
            CREATE FUNCTION ${named("f")}() RETURNS int LANGUAGE sql AS 'SELECT 1';
            REVOKE ALL ON FUNCTION ${named("f")}() FROM PUBLIC`,
          );
        }
        const before = await look(adminUrl);
        const engine = await open(adminUrl, "trust");
        await withCopy(engine, async ({ path, content }) => {
          assert.deepEqual((await engine.prove(path, never)).content, content);
          await engine.restore(path, never);
        });
        const [found] = await run(adminUrl, `SELECT rolsuper FROM pg_roles WHERE rolname = '${role}'`);
        assert.deepEqual(found, { rolsuper: false });
        assert.deepEqual(await look(adminUrl), before);
      })));

  test(`${name}: names that look like parts of a script are copied and restored`, () =>
    withOwnedPostgres(version, "CREATEDB", async ({ url, adminUrl, role }) => {
      for (const [index, strange] of confusing.entries()) {
        const text = quoted(strange);
        await run(
          url,
          `CREATE TABLE ${text} (id serial PRIMARY KEY, ${text} text DEFAULT ${"$a$" + strange + "$a$"},
            CONSTRAINT ${quoted(`c${strange}`)} CHECK (id > 0));
          CREATE INDEX ${quoted(`i${index}${strange}`)} ON ${text} (${text});
          INSERT INTO ${text} DEFAULT VALUES; GRANT SELECT ON ${text} TO PUBLIC; COMMENT ON TABLE ${text} IS 'x;
-- y'`,
        );
      }
      const before = await look(adminUrl);
      const engine = await open(url);
      await withCopy(engine, async ({ path, content }) => {
        assert.equal(content.tables.length, confusing.length);
        assert.deepEqual(await engine.prove(path, never), {
          content,
          proof: "scratch database",
          notRestored: null,
          host: null,
        });
        await run(
          adminUrl,
          `SET ROLE ${role}; ${confusing.map((each) => `DROP TABLE ${quoted(each)}`).join(";")}`,
        );
        await engine.restore(path, never);
        await withCopy(engine, (again) => Promise.resolve(assert.deepEqual(again.content, content)));
      });
      if (name.startsWith("pg_dump")) assert.deepEqual(await look(adminUrl), before);
    }));

  test(`${name}: a schema whose name holds a newline is copied and restored`, () =>
    withOwnedPostgres(version, "CREATEDB", async ({ url }) => {
      const schema = quoted('a\n"b;');
      await run(
        url,
        `CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.t (id int); INSERT INTO ${schema}.t VALUES (1)`,
      );
      const engine = await open(
        `${url}?options=${encodeURIComponent(`-csearch_path=${schema.replaceAll(/\s/g, "\\$&")}`)}`,
      );
      await withCopy(engine, async ({ path, content }) => {
        assert.deepEqual(await engine.prove(path, never), {
          content,
          proof: "scratch database",
          notRestored: null,
          host: null,
        });
        await run(url, `INSERT INTO ${schema}.t VALUES (2)`);
        await engine.restore(path, never);
        assert.deepEqual(await run(url, `SELECT id FROM ${schema}.t`), [{ id: 1 }]);
      });
    }));

  test(`${name}: an owner who is no more is not taken for one whose name ends alike`, () =>
    withOwnedPostgres(version, "", async ({ url, adminUrl, role }) => {
      const gone = quoted(`x ${role}`);
      await run(adminUrl, `CREATE ROLE ${gone}; GRANT CREATE, USAGE ON SCHEMA public TO ${gone}`);
      let hasRole = true;
      try {
        await run(adminUrl, `SET ROLE ${gone}; CREATE TABLE t (id int); INSERT INTO t VALUES (1)`);
        const engine = await open(adminUrl);
        await withCopy(engine, async ({ path }) => {
          await run(adminUrl, `DROP OWNED BY ${gone} CASCADE; DROP ROLE ${gone}`);
          hasRole = false;
          await (await open(url)).restore(path, never);
          assert.deepEqual(await run(url, "SELECT id FROM t"), [{ id: 1 }]);
        });
      } finally {
        if (hasRole) {
          await withClient(adminUrl, (sql) => sql.unsafe(`DROP OWNED BY ${gone} CASCADE; DROP ROLE ${gone}`));
        }
      }
    }));
}

test("postgres 15: a role whose name has to be quoted upgrades, goes down, backs up and restores", () =>
  withOwnedPostgres(15, "", ({ adminUrl, role: owner }) =>
    withFolder(async (cwd) => {
      const name = `A-b.c@${owner}`;
      await run(
        adminUrl,
        `CREATE ROLE ${quoted(name)} LOGIN PASSWORD 'x'; GRANT ${quoted(name)} TO ${owner}`,
      );
      try {
        await run(
          adminUrl,
          `ALTER DATABASE ${owner} OWNER TO ${quoted(name)}; ALTER SCHEMA public OWNER TO ${quoted(name)}`,
        );
        const { host } = new URL(adminUrl);
        const env = { DATABASE_URL: `postgresql://${encodeURIComponent(name)}:x@${host}/${owner}` };
        const expectDone = async (...args: readonly string[]) => {
          const { code, stdout, stderr } = await runCli(args, { cwd, env });
          assert.equal(code, 0, stdout + stderr);
        };
        await expectDone("upgrade");
        await expectDone("downgrade", "71dda59686db", "--yes");
        await expectDone(
          "restore",
          (await readdir(join(cwd, "backups"))).find((file) => !file.endsWith(".json"))!,
          "--yes",
        );
      } finally {
        await run(
          adminUrl,
          `ALTER DATABASE ${owner} OWNER TO ${owner}; DROP OWNED BY ${quoted(name)} CASCADE; DROP ROLE ${
            quoted(name)
          }`,
        );
      }
    })));
