import assert from "node:assert/strict";
import { test } from "node:test";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { adopt } from "../../src/adopt/adopt.ts";
import { describeLabel } from "../../src/adopt/rules/labels.ts";
import { prepareAdoption } from "../../src/adopt/prepare.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import { buildHistory, type History } from "../../src/history/history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { type Engine, engines, withTestDatabase } from "../support/databases.ts";
import { contextOf } from "../support/samples/adoption.ts";

// Databases that are not at head, of histories whose later revisions drop what the earlier ones made.

const kit = await loadDrizzleEngine();

const words = { integer: pg.integer, text: pg.text, table: pg.pgTable };
/** The words of each dialect for the same tables; the types are PostgreSQL's. */
const dialectWords: Readonly<Record<Dialect, typeof words>> = {
  sqlite: { integer: lite.integer, text: lite.text, table: lite.sqliteTable } as unknown as typeof words,
  postgresql: words,
};

/** The tables after so many revisions: the second drops a table and a column with its key, the third gives a default. */
function tables(dialect: Dialect, count: number): Readonly<Record<string, unknown>> {
  const { integer, table, text } = dialectWords[dialect];
  return {
    notes: table("notes", {
      id: integer().primaryKey(),
      title: text(),
      size: integer().default(count === 3 ? 0 : 1),
      ...count === 1 ? { old: text().unique() } : {},
    }),
    ...count === 1 ? { drafts: table("drafts", { id: integer().primaryKey() }) } : {},
  };
}

const names = ["0000_first", "0001_second", "0002_third"];

/** The last revision's script is another than its snapshot: it leaves the default as it was. */
async function historyOf(dialect: Dialect): Promise<History> {
  const snapshots = await Promise.all(
    [0, 1, 2, 3].map((count) => kit.snapshot(dialect, count === 0 ? {} : tables(dialect, count))),
  );
  const files = new Map([[
    "meta/_journal.json",
    JSON.stringify({ dialect, entries: names.map((tag, idx) => ({ idx, when: idx, tag })) }),
  ]]);
  for (const [at, tag] of names.entries()) {
    const script = await kit.difference(snapshots[at]!, snapshots[at + 1]!);
    files.set(
      `${tag}.sql`,
      at === 2
        ? "UPDATE notes SET title = 'new' WHERE title = 'old';"
        : script.join("--> statement-breakpoint\n"),
    );
    files.set(`meta/000${at}_snapshot.json`, JSON.stringify(snapshots[at + 1]));
  }
  return buildHistory(dialect, { folder: `drizzle/${dialect}`, read: (path) => files.get(path) ?? null });
}

const histories = { sqlite: await historyOf("sqlite"), postgresql: await historyOf("postgresql") };

function at(
  engine: Engine,
  revision: string,
  work: (context: ReturnType<typeof contextOf>, url: string) => Promise<void>,
): Promise<void> {
  return engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const context = contextOf(database, histories[engine.dialect]);
      await migrate(context, { goal: { direction: "upgrade", text: revision }, lockWaitMs: 0 });
      await work(context, url);
    })
  );
}

for (const engine of engines) {
  test(`${engine.name}: what later revisions drop is no reason to bridge a database that is managed and right`, () =>
    at(engine, "0000", async (context) => {
      const { action, to, inspection } = await prepareAdoption(context);
      assert.deepEqual([action, to, inspection.kept], ["none", "0000", []]);
    }));

  test(`${engine.name}: what later revisions drop is not called kept where an earlier one is stamped`, () =>
    at(engine, "0000", async (context, url) => {
      await engine.query(url, "DROP TABLE harbor_version");
      await engine.query(url, "CREATE TABLE theirs (id integer)");
      const { action, to, inspection } = await adopt(context, { lockWaitMs: 0 });
      assert.deepEqual([action, to, inspection.kept], ["stamp", "0000", ["table theirs"]]);
    }));

  test(`${engine.name}: a column that no revision knows is in the way of the copies to come`, () =>
    at(engine, "0000", async (context, url) => {
      await engine.query(url, "ALTER TABLE notes ADD COLUMN theirs text");
      const { action } = await prepareAdoption(context);
      assert.equal(action, "bridge");
    }));

  test(`${engine.name}: what the scripts of a managed database left otherwise than their snapshots say is not bridged`, () =>
    at(engine, "0002", async (context, url) => {
      const { action, to, drift, inspection } = await prepareAdoption(context);
      assert.deepEqual([action, to], ["none", "0002"]);
      assert.deepEqual(drift, ["column notes.size: expected DEFAULT 0, found DEFAULT 1"]);
      assert.deepEqual(inspection.labels.map(describeLabel), ["harbor_version says 0002, and that is true"]);
      // What came since is not theirs.
      await engine.query(url, "ALTER TABLE notes RENAME COLUMN title TO heading");
      assert.equal((await prepareAdoption(context)).action, "bridge");
    }));
}
