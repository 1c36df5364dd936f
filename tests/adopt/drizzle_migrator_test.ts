import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import { migrate as migratePostgres } from "drizzle-orm/postgres-js/migrator";
import * as lite from "drizzle-orm/sqlite-core";
import { drizzle as drizzleSqlite } from "drizzle-orm/sqlite-proxy";
import { migrate as migrateSqlite } from "drizzle-orm/sqlite-proxy/migrator";
import { adopt } from "../../src/adopt/adopt.ts";
import { describeLabel } from "../../src/adopt/rules/labels.ts";
import { chooseAdoption } from "../../src/adopt/choose_adoption.ts";
import { prepareAdoption } from "../../src/adopt/prepare.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { RunEvent } from "../../src/engines/run_context.ts";
import { openAside } from "../../src/engines/open/scratch.ts";
import type { History } from "../../src/history/history.ts";
import { readDrift, recordDrift } from "../../src/engines/taken_over.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { type Engine, engines, testClient, withFolder, withTestDatabase } from "../support/databases.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { withClient } from "../support/servers/postgres_server.ts";
import { verifyUrl } from "../support/verified.ts";

const kit = await loadDrizzleEngine();

const ids = sql`SELECT id FROM notes`;

/** The tables, and a view of theirs, after so many revisions; drifted, with an index that no script makes. */
const tables: Readonly<Record<Dialect, (count: number, isDrifted: boolean) => Record<string, unknown>>> = {
  sqlite: (count, isDrifted) => ({
    notes: lite.sqliteTable("notes", {
      id: lite.integer().primaryKey(),
      title: lite.text(),
      ...count > 1 ? { size: lite.integer() } : {},
    }, (notes) => isDrifted ? [lite.index("notes_title").on(notes.title)] : []),
    ...count > 1 ? { ids: lite.sqliteView("ids", { id: lite.integer() }).as(ids) } : {},
  }),
  postgresql: (count, isDrifted) => ({
    notes: pg.pgTable("notes", {
      id: pg.integer().primaryKey(),
      title: pg.text(),
      ...count > 1 ? { size: pg.integer() } : {},
    }, (notes) => isDrifted ? [pg.index("notes_title").on(notes.title)] : []),
    ...count > 1 ? { ids: pg.pgView("ids", { id: pg.integer() }).as(ids) } : {},
  }),
};

const touch = "UPDATE notes SET title = title;\n";
// Their dates are not in their order, as after a merge; the last two do the same; the first has the line ends of Windows.
const entries = [
  {
    tag: "0000_first",
    when: 1_700_000_000_123,
    text: "CREATE TABLE notes (id integer PRIMARY KEY NOT NULL,\r\n title text);\r\n",
  },
  {
    tag: "0001_size",
    when: 1_700_000_300_000,
    text:
      "ALTER TABLE notes ADD COLUMN size integer;--> statement-breakpoint\nCREATE VIEW ids AS SELECT id FROM notes;",
  },
  { tag: "0002_seed", when: 1_700_000_200_000, text: "INSERT INTO notes (id, title) VALUES (1, 'one');" },
  { tag: "0003_touch", when: 1_700_000_400_000, text: touch },
  { tag: "0004_touch", when: 1_700_000_500_000, text: touch },
];

async function writeProject(
  dir: string,
  { dialect, count, isDrifted = false, last = touch }: {
    readonly dialect: Dialect;
    readonly count: number;
    /** Which snapshots are. */
    readonly isDrifted?: boolean | "last";
    /** The last script. */
    readonly last?: string;
  },
): Promise<History> {
  await mkdir(join(dir, dialect, "meta"), { recursive: true });
  const journal = entries.slice(0, count).map(({ tag, when }, idx) => ({
    idx,
    when,
    tag,
    breakpoints: true,
  }));
  await writeFile(join(dir, dialect, "meta/_journal.json"), JSON.stringify({ dialect, entries: journal }));
  for (const [at, { tag, text }] of entries.entries()) {
    await writeFile(join(dir, dialect, `${tag}.sql`), at === entries.length - 1 ? last : text);
    const isHere = isDrifted === "last" ? at === entries.length - 1 : isDrifted;
    const snapshot = await kit.snapshot(dialect, tables[dialect](at + 1, isHere));
    await writeFile(join(dir, dialect, `meta/000${at}_snapshot.json`), JSON.stringify(snapshot));
  }
  return readHistory(dir, dialect);
}

/** Runs drizzle's own migrator. */
const migrators: Readonly<Record<Dialect, (engine: Engine, url: string, folder: string) => Promise<void>>> = {
  sqlite: async ({ query }, url, migrationsFolder) => {
    const db = drizzleSqlite(async (sql) => ({ rows: (await query(url, sql)).map(Object.values) }));
    const run = async (statements: string[]) => {
      for (const statement of statements) await query(url, statement);
    };
    await migrateSqlite(db, run, { migrationsFolder, migrationsTable: "ran" });
  },
  postgresql: (_, url, migrationsFolder) =>
    withClient(url, (client) =>
      migratePostgres(drizzlePostgres(client), {
        migrationsFolder,
        migrationsTable: "ran",
        migrationsSchema: "ops",
      })),
};

const damages = [
  ["ALTER TABLE notes RENAME TO away", "ALTER TABLE away RENAME TO notes"],
  ["ALTER TABLE notes RENAME COLUMN size TO weight", "ALTER TABLE notes RENAME COLUMN weight TO size"],
] as const;

const places: Readonly<Record<Dialect, string>> = { sqlite: "ran", postgresql: "ops.ran" };

for (const engine of engines) {
  const { dialect } = engine;
  const ran = places[dialect];
  const rowsOf = (url: string) =>
    engine.query(url, `SELECT hash, created_at FROM ${ran} ORDER BY created_at`);

  test(`${engine.name}: what drizzle's migrator ran is taken over, under any name and in any order of dates`, () =>
    engine.withDatabase((url) =>
      withFolder(async (dir) => {
        await writeProject(dir, { dialect, count: 4 });
        await migrators[dialect](engine, url, join(dir, dialect));
        const before = await rowsOf(url);
        assert.equal(before.length, 4);
        const history = await writeProject(dir, { dialect, count: 5 });
        await withTestDatabase(url, async (database) => {
          const context = contextOf(database, history);
          const { action, to, inspection } = await adopt(context, { lockWaitMs: 0 });
          assert.deepEqual([action, to, inspection.kept], ["stamp", "0003", []]);
          assert.deepEqual(inspection.labels.map(describeLabel), [`${ran} says 0003, and that is true`]);
          assert.equal((await readStatus(context)).current?.revision, "0003");
          await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
        });
        const { findings } = await verifyUrl(url, { history, checks: ["history", "schema", "data"] });
        assert.deepEqual(findings.filter(({ status }) => status !== "pass"), []);
        // Its own table stays as it was. Whoever goes back to it tells it what ran since, as the page on adopting says.
        assert.deepEqual(await rowsOf(url), before);
        const { rawChecksum, createdAt } = history.revisions.at(-1)!;
        await engine.query(
          url,
          `INSERT INTO ${ran} (hash, created_at) VALUES ('${rawChecksum}', ${Date.parse(createdAt)})`,
        );
        await migrators[dialect](engine, url, join(dir, dialect));
        assert.equal((await rowsOf(url)).length, 5);

        // As drizzle-orm 1.0 leaves that table.
        await engine.query(url, `ALTER TABLE ${ran} ADD COLUMN name text`);
        await engine.query(url, `ALTER TABLE ${ran} ADD COLUMN applied_at text`);
        await engine.query(
          url,
          `UPDATE ${ran} SET hash = 'x', name = '0004_touch' WHERE hash = '${rawChecksum}' AND created_at > 1700000400000`,
        );
        await withTestDatabase(url, async (database) => {
          const { action, inspection } = await prepareAdoption(contextOf(database, history));
          assert.equal(action, "none");
          assert.deepEqual(inspection.labels.map(describeLabel), [
            `${ran} says 0004 (edited since: 0004), and that is true`,
            "harbor_version says 0004, and that is true",
          ]);
        });
      })
    ));

  test(`${engine.name}: what its scripts left otherwise than their snapshots say is stamped all the same`, () =>
    engine.withDatabase((url) =>
      withFolder(async (dir) => {
        const history = await writeProject(dir, { dialect, count: 5, isDrifted: true });
        // Of another program, which this history never was.
        await engine.query(url, "CREATE TABLE alembic_version (version_num text)");
        await engine.query(url, "INSERT INTO alembic_version VALUES ('0123456789ab')");
        await migrators[dialect](engine, url, join(dir, dialect));
        await withTestDatabase(url, async (database) => {
          const context = contextOf(database, history);
          // What the scripts made and is gone is damage, whatever drizzle's table says.
          for (const [gone, back] of damages) {
            await engine.query(url, gone);
            assert.equal((await chooseAdoption(context)).action, "bridge", gone);
            await engine.query(url, back);
          }
          // A sentence may be as long as a view is.
          await database.write(recordDrift([randomBytes(10_000).toString("hex")], "then"), "schema");
          const { action, to, inspection } = await adopt(context, { lockWaitMs: 0 });
          assert.deepEqual([action, to], ["stamp", "0004"]);
          assert.deepEqual([...await readDrift(database)], [
            "index notes_title is missing, expected notes(title)",
          ]);
          assert.deepEqual(inspection.match.differences.map(({ path }) => path), ["index notes_title"]);
          assert.equal((await prepareAdoption(context)).action, "none");
          assert.equal((await readStatus(context)).current?.revision, "0004");
        });
        const verified = () => verifyUrl(url, { history, checks: ["history", "schema"] });
        const { findings } = await verified();
        assert.deepEqual(findings.map(({ status }) => status), ["pass", "pass"]);
        assert.match(
          findings[1]!.message,
          /1 difference from its snapshot that its scripts leave/,
        );
        // What came since is no part of that.
        await engine.query(url, "ALTER TABLE notes DROP COLUMN title");
        const since = (await verified()).findings.filter(({ status }) => status === "fail");
        assert.match(since.map(({ message }) => message).join(), /column notes.title is missing/);
        const [theirs] = await engine.query(url, "SELECT version_num FROM alembic_version");
        assert.equal(theirs!["version_num"], "0123456789ab");
        // A bridge leads to the snapshot, and nothing is otherwise any more.
        await withTestDatabase(url, async (database) => {
          assert.equal((await adopt(contextOf(database, history), { lockWaitMs: 0 })).action, "bridge");
          assert.equal((await readDrift(database)).size, 0);
        });
        const bridged = await verified();
        assert.match(bridged.findings.at(-1)!.message, /exactly as revision 0004/);
      })
    ));
}

test("sqlite: what drizzle's migrator ran is taken over though its last script makes nothing, so that an earlier revision has that very schema", () => {
  const sqlite = engines.find(({ dialect }) => dialect === "sqlite")!;
  return sqlite.withDatabase((url) =>
    withFolder(async (dir) => {
      const last = "-- The index is for later.\nSELECT 1;\n";
      const history = await writeProject(dir, { dialect: "sqlite", count: 5, isDrifted: "last", last });
      await migrators.sqlite(sqlite, url, join(dir, "sqlite"));
      await withTestDatabase(url, async (database) => {
        const context = contextOf(database, history);
        const { action, to } = await adopt(context, { lockWaitMs: 0 });
        assert.deepEqual([action, to], ["stamp", "0004"]);
        assert.deepEqual([...await readDrift(database)], [
          "index notes_title is missing, expected notes(title)",
        ]);
        const { current, pending } = await readStatus(context);
        assert.deepEqual([current?.revision, pending], ["0004", []]);
      });
      const { findings } = await verifyUrl(url, { history, checks: ["history", "schema"] });
      assert.deepEqual(findings.map(({ status }) => status), ["pass", "pass"]);
    })
  );
});

test("postgres 15: what scripts name and leave missing is told from what was lost by running them beside the database", () =>
  withOwnedPostgres(15, "CREATEDB", ({ url }) =>
    withFolder(async (dir) => {
      const postgres = engines.find(({ name }) => name === "postgres 15")!;
      const last = "CREATE INDEX notes_title ON notes (title);\nDROP INDEX notes_title;";
      const history = await writeProject(dir, { dialect: "postgresql", count: 5, isDrifted: true, last });
      await migrators.postgresql(postgres, url, join(dir, "postgresql"));
      await withTestDatabase(url, async (database) => {
        const alone = contextOf(database, history);
        const openScratch = () => openAside(parseDatabaseUrl(url), testClient, alone.signal);
        const notes: string[] = [];
        const notify = (event: RunEvent) => void (event.kind === "note" && notes.push(event.text));
        const beside = { ...alone, openScratch, notify };
        // By their text they made it.
        assert.equal((await chooseAdoption(alone)).action, "bridge");
        const { action, drift } = await chooseAdoption(beside);
        assert.deepEqual([action, drift], ["stamp", ["index notes_title is missing, expected notes(title)"]]);
        assert.match(notes.join(), /are run in a scratch database on the server/);
        await postgres.query(url, "ALTER TABLE notes DROP COLUMN size");
        assert.equal((await chooseAdoption(beside)).action, "bridge");
      });
    })));

test("postgres 15: scripts that change what a server's databases share are not run beside one of them", () =>
  withOwnedPostgres(15, "CREATEDB", ({ url }) =>
    withFolder(async (dir) => {
      const postgres = engines.find(({ name }) => name === "postgres 15")!;
      const last =
        "CREATE INDEX notes_title ON notes (title);\nDROP INDEX notes_title;\nALTER ROLE CURRENT_USER SET work_mem = '5MB';";
      const history = await writeProject(dir, { dialect: "postgresql", count: 5, isDrifted: true, last });
      await migrators.postgresql(postgres, url, join(dir, "postgresql"));
      await withTestDatabase(url, async (database) => {
        const openScratch = () => assert.fail("nothing is to be run");
        assert.equal(
          (await chooseAdoption({ ...contextOf(database, history), openScratch })).action,
          "bridge",
        );
      });
    })));
