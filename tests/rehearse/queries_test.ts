import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import { unheardMs } from "../../src/base/interrupt.ts";
import { userStatement } from "../../src/engines/statement_names.ts";
import { planEach } from "../../src/engines/plans/plan_each.ts";
import { judgePlans, readPlans } from "../../src/rehearse/query_plans.ts";
import { readQueries } from "../../src/rehearse/read_queries.ts";
import type { QueryReport } from "../../src/rehearse/rules/queries.ts";
import { addFiles, initial } from "../support/samples/application.ts";
import { withContext } from "../support/samples/adoption.ts";
import { engines, withFolder } from "../support/databases.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { projectFile } from "../support/project.ts";
import { runHere } from "../support/run_here.ts";
import { withClient } from "../support/servers/postgres_server.ts";

const [sqlite, postgres] = ["sqlite file", "postgres 18"].map((name) =>
  engines.find((each) => each.name === name)!
);

const openHarbor = projectFile("tests/support/samples/open_harbor_queries.sql");

interface Document {
  readonly rehearsal: { readonly ok: boolean; readonly queries: QueryReport };
  readonly error: { readonly code: string; readonly message: string; readonly details: QueryReport };
}

/** Runs the program beside a database with a few files at the first revision. */
function withFiles(
  work: (run: (...args: readonly string[]) => ReturnType<typeof runHere>, cwd: string) => Promise<void>,
): Promise<void> {
  return sqlite!.withDatabase((url) =>
    withFolder(async (cwd) => {
      const env = { DATABASE_URL: url, HARBOR_DB_BACKUP_DIR: join(cwd, "kept") };
      const run = (...args: readonly string[]) =>
        runHere([...args, "--dir", projectFile("drizzle")], { cwd, env });
      assert.equal((await run("upgrade", initial, "--no-backup")).code, 0);
      await addFiles(sqlite!, url, 20);
      await work(run, cwd);
    })
  );
}

test("The Open Harbor's statements: what an upgrade makes possible, and a downgrade breaks", () =>
  withFiles(async (run) => {
    const up = await run("upgrade", "--rehearse", "--queries", openHarbor, "--json");
    assert.equal(up.code, 0, up.stdout);
    const { count, broken, worse, unjudged, added } = up.json<Document>().rehearsal.queries;
    assert.deepEqual([count, broken, worse, unjudged], [15, [], [], []]);
    assert.equal(added.length, 8);

    assert.equal((await run("upgrade", "--no-backup")).code, 0);
    const down = await run("downgrade", initial, "--rehearse", "--queries", openHarbor, "--json");
    assert.equal(down.code, 1);
    const { error, rehearsal } = down.json<Document>();
    assert.equal(error.code, "rehearsal_failed");
    assert.match(error.message, /8 queries can no longer be prepared/);
    assert.match(error.message, /open_harbor_queries\.sql:4 \(INSERT INTO users .*last_login/);
    assert.equal(error.details.broken.length, 8);
    assert.ok(!rehearsal.ok);
  }));

test("without --rehearse, --queries refuses a change that breaks one, and lets through what only slows one", () =>
  withFiles(async (run, cwd) => {
    assert.equal((await run("upgrade", "--no-backup")).code, 0);
    const folder = join(cwd, "queries");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.sql"), "BEGIN;\nSELECT id FROM files WHERE storage_backend = ?;\nCOMMIT;");
    writeFileSync(join(folder, "b.sql"), "\n/* all */ SELECT last_login FROM users;\n");
    writeFileSync(join(folder, "c.txt"), "SELECT 1 FROM nowhere");
    const refused = await run("downgrade", "-1", "--yes", "--no-backup", "--queries", "queries");
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /queries\/b\.sql:2 can no longer be prepared: no such column: last_login/);
    assert.match(refused.stdout, /queries\/a\.sql:1 could not be prepared before either/);
    assert.match((await run("current")).stdout, /7b1f73160408/);

    writeFileSync(join(folder, "b.sql"), "SELECT count(*) FROM users;");
    const done = await run("downgrade", "-1", "--yes", "--no-backup", "--queries", "queries");
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /queries +4 queries: 2 as good as before/);
    assert.match((await run("current")).stdout, /f27bd10b7ec4/);
  }));

test("queries that cannot be read are refused before anything is begun", () =>
  withFiles(async (run, cwd) => {
    mkdirSync(join(cwd, "none"));
    writeFileSync(join(cwd, "empty.sql"), "-- nothing\n;\n");
    writeFileSync(join(cwd, "open.sql"), "SELECT 1;\nSELECT 'open;\n");
    const cases = [
      ["missing.sql", /Cannot read queries from "missing.sql": there is no such file/],
      ["none", /the folder has no file \*\.sql/],
      ["empty.sql", /there is no statement in it/],
      ["open.sql", /Cannot read "open.sql:2": a string does not end/],
      ["pg_stat_statements", /there is no such file/],
    ] as const;
    for (const [given, words] of cases) {
      const { code, stderr } = await run("upgrade", "--rehearse", "--queries", given);
      assert.equal(code, 2, given);
      assert.match(stderr, words);
    }
    assert.match((await run("current")).stdout, new RegExp(initial));
  }));

test("PostgreSQL: pg_stat_statements that is not there is said", () =>
  postgres!.withDatabase((url) =>
    withContext(url, async (context) => {
      const given = { text: "pg_stat_statements", path: "/nowhere" };
      const error = await rejectsWith("bad_config", readQueries(context, given));
      assert.match(error.message, /the extension is not in this database/);
      assert.match(error.hintLines.join(), /CREATE EXTENSION pg_stat_statements/);
    })
  ));

test("PostgreSQL: a table that is written anew makes no plan worse that reads an index alone", () =>
  postgres!.withDatabase((url) =>
    withContext(url, async (context) => {
      // Of what has committed and is not in the log yet, VACUUM tells no page to be visible to all.
      const write = (...texts: readonly string[]) =>
        context.database.write(
          ["SET LOCAL synchronous_commit = on", ...texts].map((text) => userStatement(sql.raw(text))),
          "schema",
        );
      await write(
        "CREATE TABLE notes (id integer, name text, text text)",
        "INSERT INTO notes SELECT i, md5(i::text), repeat('x', 200) FROM generate_series(1, 9000) i",
        "CREATE INDEX ix_notes_name ON notes (name)",
      );
      const query = { place: "q.sql:1", sql: "SELECT count(*) FROM notes WHERE name > $1" };
      const source = { queries: [query], remarks: [] };
      const before = await readPlans(context, source);
      assert.match(before[0]!.plan!.lines.join(), /Index Only Scan using ix_notes_name/);
      await write("ALTER TABLE notes ALTER COLUMN id TYPE bigint");
      assert.deepEqual((await judgePlans(context, source, before)).worse, []);
    })
  ));

/** Makes a view in the place of that which a server has that loads the library. */
const seenBy = (rows: string) =>
  `CREATE EXTENSION pg_stat_statements;
  ALTER EXTENSION pg_stat_statements DROP VIEW pg_stat_statements;
  DROP VIEW pg_stat_statements;
  CREATE VIEW pg_stat_statements AS SELECT d.oid AS dbid, row_number() OVER () AS queryid, query, calls
    FROM pg_database d, (${rows}) AS seen (query, calls) WHERE datname = current_database();
  GRANT SELECT ON pg_stat_statements TO PUBLIC`;

test("PostgreSQL: the queries that ran most often are found behind whatever else ran more often", () =>
  withOwnedPostgres(18, "", async ({ url, adminUrl }) => {
    await withClient(adminUrl, (sql) =>
      sql.unsafe(seenBy(
        `SELECT CASE WHEN i % 2 = 0 THEN 'SET application_name = ''w' || i || '''' ELSE '<insufficient privilege>' END, 10000 - i
          FROM generate_series(1, 3000) i
        UNION ALL SELECT 'SELECT ' || i, 2000 - i FROM generate_series(1, 1005) i
        UNION ALL SELECT 'SELECT 7', 1`,
      )));
    await withContext(url, async (context) => {
      const { queries, remarks } = await readQueries(context, {
        text: "pg_stat_statements",
        path: "/nowhere",
      });
      assert.deepEqual(
        queries.map(({ sql }) => sql),
        Array.from({ length: 1_000 }, (_, at) => `SELECT ${at + 1}`),
      );
      assert.match(remarks.join("\n"), /may not see all, .*; not looked at: 1500\./);
      assert.match(remarks.join("\n"), /the 1000 queries were looked at that ran most often/);
    });
  }));

test("who asks to stop is heard between two queries, also where nothing is waited for", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 0);
  const asked: string[] = [];
  const planning = planEach(
    { queries: ["SELECT 1", "SELECT 2"], dialect: "sqlite", signal: stop.signal },
    (query) => {
      asked.push(query);
      const began = performance.now();
      while (performance.now() - began <= unheardMs);
      return Promise.resolve({ lines: [], accesses: [], cost: null });
    },
  );
  await assert.rejects(planning, { code: "interrupted" });
  assert.deepEqual(asked, ["SELECT 1"]);
});
