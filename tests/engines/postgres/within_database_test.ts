import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { PostgresUrl } from "../../../src/base/url/postgres_url.ts";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import { postgresScratch } from "../../../src/engines/postgres/scratch.ts";
import { testClient } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { prove } from "../../support/prove_engines.ts";
import { runHere } from "../../support/run_here.ts";
import { schemaHistory } from "../../support/samples/schema_history.ts";
import { withScriptProject } from "../../support/samples/script_project.ts";
import { sharedPostgres, withClient } from "../../support/servers/postgres_server.ts";

const notes = { notes: { columns: { id: "integer!" } } } as const;
const table = 'CREATE TABLE "notes" ("id" integer PRIMARY KEY NOT NULL)';

/** A history of which the second revision does something beside its table. */
const historyOf = (up: readonly string[]) =>
  schemaHistory("postgresql", [
    { tables: notes, up: [table], down: ['DROP TABLE "notes"'] },
    { tables: notes, up, down: ["SELECT 1"] },
  ]);

const scratchOf = async () =>
  postgresScratch(parseDatabaseUrl(await sharedPostgres(15)) as PostgresUrl, { client: testClient });

const run = async (statement: string) =>
  await withClient(await sharedPostgres(15), (client) => client.unsafe(statement));

test("a proof runs nothing that reaches out of its database, and says so", async () => {
  const other = "within_other";
  await run(`DROP DATABASE IF EXISTS ${other}`);
  await run(`CREATE DATABASE ${other}`);
  const state = () =>
    run(
      `SELECT datacl, shobj_description(oid, 'pg_database') AS said, pg_encoding_to_char(encoding) AS encoding,
        (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings FROM pg_database d WHERE datname = '${other}'`,
    );
  const before = await state();
  const statements = [
    `GRANT CONNECT ON DATABASE ${other} TO PUBLIC`,
    `COMMENT ON DATABASE ${other} IS 'theirs'`,
    `ALTER DATABASE ${other} SET work_mem TO '8MB'`,
    `ALTER ROLE CURRENT_USER IN DATABASE ${other} SET work_mem TO '8MB'`,
    "SECURITY LABEL ON ROLE nobody IS 'theirs'",
    "IMPORT FOREIGN SCHEMA a FROM SERVER nowhere INTO public",
    "COPY notes TO '/tmp/within_other.csv'",
    "COPY notes FROM PROGRAM 'touch /tmp/within_other'",
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${other}'`,
    "CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere password=hunter2' PUBLICATION p",
  ];
  try {
    const scratch = await scratchOf();
    await prove(historyOf(statements), scratch);
    assert.deepEqual([...await state()], [...before]);
    // The one that is the role's is known as such.
    assert.equal(scratch.notRun.size, statements.length);
    const told = [...scratch.notRun].join("\n");
    assert.match(
      told,
      /^COMMENT ON DATABASE within_other IS 'theirs' reaches out of the database of the proof: it was not run$/m,
    );
    assert.match(told, /CREATE SUBSCRIPTION/);
    assert.doesNotMatch(told, /hunter2/);
  } finally {
    await run(`DROP DATABASE ${other}`);
  }
});

const reaching = "PERFORM pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = 'within_nobody'";
const making = `CREATE FUNCTION reach() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ${reaching}; END $$`;

// One row a script: what in it is code that reaches out.
const refused = [
  ["a block", [`DO $$ BEGIN ${reaching}; END $$`]],
  ["a trigger's function", [
    `CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${reaching}; RETURN NEW; END $$`,
  ]],
  ["a block that calls a function", [making, "DO $$ BEGIN PERFORM reach(); END $$"]],
] as const;
for (const [what, up] of refused) {
  test(`a proof refuses ${what} that reaches out of its database, and says what helps`, async () => {
    const error = await rejectsWith(
      "not_proven",
      scratchOf().then((scratch) => prove(historyOf(up), scratch)),
    );
    assert.match(
      error.message,
      /code in them may use (?:pg_cancel_backend|reach): that reaches out of the database of the proof/,
    );
    assert.match(error.hintLines.join("\n"), /a statement of its own.*--write-unproven/);
  });
}

test("a new revision behind code that reaches out is refused with what helps, and proven from a baseline", async () => {
  const url = await sharedPostgres(15);
  await withScriptProject("postgresql", { up: `DO $$ BEGIN ${reaching}; END $$;` }, async (cwd) => {
    await writeFile(
      `${cwd}/schema.ts`,
      `import { integer, pgTable } from "drizzle-orm/pg-core";
export const notes = pgTable("notes", { id: integer().primaryKey() });`,
    );
    const run = (...args: readonly string[]) => runHere(args, { cwd });
    const refused = await run("generate", "Next", "--prove-url", url);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /a statement of its own.*check --baseline/);
    await run("check", "--baseline", "head");
    const created = await run("generate", "Next", "--prove-url", url);
    assert.equal(created.code, 0, created.stderr);
    assert.match(created.stdout, /proven from the snapshot of 0000 on.*pg_cancel_backend/);
  });
});

test("a function that reaches out is made in a proof, and not called", async () => {
  const scratch = await scratchOf();
  await prove(historyOf([making, "SELECT reach()", "DROP FUNCTION reach()"]), scratch);
  assert.deepEqual([...scratch.notRun], [
    "SELECT reach() reaches out of the database of the proof: it was not run",
  ]);
});

test("a proof makes a foreign table, and neither reads nor writes it", async () => {
  const path = "/tmp/within_foreign";
  const scratch = await scratchOf();
  await prove(
    historyOf([
      "CREATE EXTENSION file_fdw",
      "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw",
      `CREATE FOREIGN TABLE listing (line text) SERVER files OPTIONS (program 'touch ')`,
      "CREATE VIEW lines AS SELECT line FROM listing",
      "INSERT INTO notes SELECT 1 FROM lines",
      "DROP VIEW lines",
      "DROP FOREIGN TABLE listing",
      "DROP EXTENSION file_fdw CASCADE",
    ]),
    scratch,
  );
  assert.deepEqual([...scratch.notRun], [
    "INSERT INTO notes SELECT 1 FROM lines reaches out of the database of the proof: it was not run",
  ]);
  assert.equal(existsSync(path), false);
});

test("a proof passes over text that code only keeps", async () => {
  const scratch = await scratchOf();
  const kept =
    "DO $$ DECLARE said text := 'DROP DATABASE postgres'; BEGIN CREATE TEMP TABLE log AS SELECT said; DROP TABLE log; END $$";
  await prove(historyOf([kept]), scratch);
  assert.deepEqual([...scratch.notRun], []);
});

test("a rehearsal leaves roles and other databases of the server as they were, and says what it did not run", async () => {
  const [database, role] = ["within_trial", "within_rehearsed"];
  const up = `CREATE ROLE ${role}; GRANT USAGE ON SCHEMA public TO ${role};
    COMMENT ON DATABASE postgres IS 'theirs'; COMMENT ON ROLE pg_monitor IS 'theirs';`;
  const down = `DROP OWNED BY ${role}; DROP ROLE ${role};`;
  const url = new URL(await sharedPostgres(15));
  url.pathname = `/${database}`;
  await run(`DROP DATABASE IF EXISTS ${database}`);
  await run(`CREATE DATABASE ${database}`);
  const state = () =>
    run(
      `SELECT shobj_description(oid, 'pg_database') AS said, (SELECT count(*) FROM pg_roles WHERE rolname = '${role}') AS made,
        (SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'pg_monitor') AS monitor
      FROM pg_database WHERE datname = 'postgres'`,
    );
  try {
    await withScriptProject("postgresql", { up, down }, async (cwd) => {
      const env = { DATABASE_URL: url.href, HARBOR_DB_BACKUP_DIR: `${cwd}/kept` };
      await withClient(url.href, async (client) => {
        await client.unsafe("CREATE TABLE t (a int PRIMARY KEY)");
        await client.unsafe("INSERT INTO t VALUES (1)");
      });
      assert.equal((await runHere(["stamp", "base", "--yes"], { cwd, env })).code, 0);
      const before = await state();
      const { code, stdout, stderr } = await runHere(["upgrade", "--rehearse"], { cwd, env });
      assert.equal(code, 0, stdout + stderr);
      assert.match(
        stderr,
        /Not rehearsed: COMMENT ON DATABASE postgres .* reaches out of the copy: it was not run\./,
      );
      assert.match(stderr, /Not rehearsed: the role pg_monitor was on the server before the rehearsal/);
      assert.deepEqual([...await state()], [...before]);
    });
  } finally {
    await run(`DROP DATABASE ${database}`);
  }
});

test("a rehearsal names the role of its scripts that it could not drop", async () => {
  const [database, role] = ["within_left", "within_left_reader"];
  const up = `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN
    CREATE ROLE ${role}; END IF; END $$;`;
  const url = new URL(await sharedPostgres(15));
  url.pathname = `/${database}`;
  await run(`DROP DATABASE IF EXISTS ${database}`);
  await run(`CREATE DATABASE ${database}`);
  // Somebody uses it in another database as soon as it is there.
  let isOver = true;
  const use = async () => {
    while (!isOver) {
      const isUsed = await run(`GRANT USAGE ON SCHEMA public TO ${role}`).then(() => true, () => false);
      if (isUsed) return;
    }
  };
  try {
    await withScriptProject("postgresql", { up, down: "SELECT 1;" }, async (cwd) => {
      const env = { DATABASE_URL: url.href, HARBOR_DB_BACKUP_DIR: `${cwd}/kept` };
      await withClient(url.href, (client) => client.unsafe("CREATE TABLE t (a int PRIMARY KEY)"));
      assert.equal((await runHere(["stamp", "base", "--yes"], { cwd, env })).code, 0);
      // The run goes on behind the second one.
      for (const way of [["--rehearse"], ["--max-time", "1h"]]) {
        isOver = false;
        const using = use();
        const { stdout, stderr } = await runHere(["upgrade", ...way, "--json"], { cwd, env });
        isOver = true;
        await using;
        const left = new RegExp(`Left on the server: the role ${role} of the rehearsal could not be dropped`);
        assert.match(stderr, left);
        assert.match(JSON.parse(stdout).rehearsal.remarks.join("\n"), left);
        await run(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  } finally {
    isOver = true;
    await run(`DROP DATABASE ${database}`);
    await run(`DROP OWNED BY ${role}; DROP ROLE ${role}`).catch(() => {});
  }
});
