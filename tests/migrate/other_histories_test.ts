import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import { migrate as migratePostgres } from "drizzle-orm/postgres-js/migrator";
import { drizzle as drizzleSqlite } from "drizzle-orm/sqlite-proxy";
import { migrate as migrateSqlite } from "drizzle-orm/sqlite-proxy/migrator";
import { test } from "node:test";
import { adopt } from "../../src/adopt/adopt.ts";
import { checkFolder } from "../../src/author/rules/folder/check_folder.ts";
import { readHistoryFolders } from "../../src/author/project/read_history_folders.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import { readIfThere } from "../../src/base/files/read_if_there.ts";
import { readDrift } from "../../src/engines/taken_over.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { buildHistory, type History, journalPath } from "../../src/history/history.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { breakpoint } from "../../src/history/scripts/script.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readKitSnapshot } from "../../src/schema/kit_snapshot.ts";
import { sameSchema } from "../../src/schema/same_schema.ts";
import { differencesFrom, schemasOf } from "../../src/state/read_unmanaged.ts";
import { type Engine, engines, sqlitePath, withTestDatabase } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { withClient } from "../support/servers/postgres_server.ts";
import { verifyUrl } from "../support/verified.ts";

// The folders were written by drizzle-kit 0.20.18, 0.24.2, 0.31.11 and 1.0.0-rc.5, each from the same three schemas; the two
// `down.sql` by hand.
const kits = ["kit-0.20", "kit-0.24", "kit-0.31", "kit-1.0"];

/** What a kit says in its last snapshot and left out of the script: a column that has to become NOT NULL. */
const lost: Readonly<Record<string, readonly string[]>> = {
  "kit-0.24/sqlite": ["column posts.title", "column posts.title"],
  "kit-0.24/postgresql": ["column posts.title"],
  "kit-0.31/postgresql": ["column posts.title"],
};

/** Runs a folder as drizzle's own migrator does. */
const drizzles: Readonly<Record<Dialect, (url: string, folder: string) => Promise<void>>> = {
  sqlite: async (url, migrationsFolder) => {
    const database = new DatabaseSync(sqlitePath(url));
    const client = drizzleSqlite((query, values) =>
      Promise.resolve({ rows: database.prepare(query).all(...values).map(Object.values) })
    );
    await migrateSqlite(client, (queries) => {
      for (const query of queries) database.exec(query);
      return Promise.resolve();
    }, { migrationsFolder });
    database.close();
  },
  postgresql: (url, migrationsFolder) =>
    withClient(url, (client) => migratePostgres(drizzlePostgres(client), { migrationsFolder })),
};

/** The migrator of 1.0 reads no journal: it takes the folders by their names, and runs what stands between breakpoints. */
async function runFolders(engine: Engine, url: string, folder: string): Promise<void> {
  for (const { tag } of readHistory(folder, engine.dialect).revisions) {
    const text = readFileSync(join(folder, tag, "migration.sql"), "utf8");
    for (const statement of text.split(breakpoint)) await engine.query(url, statement);
  }
}

for (const engine of engines.filter(({ name }) => ["sqlite file", "postgres 15"].includes(name))) {
  for (const kit of kits) {
    const folder = projectFile(`tests/support/histories/${kit}/${engine.dialect}`);
    test(`${engine.name}: the history of ${kit} leads where drizzle's own migrator leads, and takes over from there`, async () => {
      const expected = await engine.withDatabase(async (url) => {
        if (kit === "kit-1.0") await runFolders(engine, url, folder);
        else await drizzles[engine.dialect](url, folder);
        const history = readHistory(folder, engine.dialect);
        const adopted = await withTestDatabase(url, async (database) => {
          const made = await database.introspect();
          const { action, to } = await adopt(contextOf(database, history), { lockWaitMs: 0 });
          assert.deepEqual([action, to], ["stamp", history.revisions.at(-1)!.id]);
          return made;
        });
        const { findings } = await verifyUrl(url, { history, checks: ["history", "schema", "data"] });
        assert.deepEqual(findings.filter(({ status }) => status !== "pass"), []);
        return adopted;
      });
      await engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => {
          const history = readHistory(folder, engine.dialect);
          const context = contextOf(database, history);
          const go = (direction: "upgrade" | "downgrade", text: string) =>
            migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
          for (const revision of history.revisions) {
            await go("upgrade", revision.id);
            const live = await database.introspect();
            const paths = differencesFrom(schemasOf(history), revision, live).map(({ path }) => path);
            const known = revision === history.revisions.at(-1)
              ? lost[`${kit}/${engine.dialect}`]
              : undefined;
            assert.deepEqual(paths, known ?? [], `the snapshot of ${revision.tag}`);
          }
          assert.deepEqual((await database.introspect()).tables, expected.tables);
          const { findings } = await verifyUrl(url, { history, checks: ["schema"] });
          assert.deepEqual(findings.map(({ status }) => status), ["pass"], findings[0]!.message);
          if (!history.isFoldered) return;
          await go("downgrade", "-1");
          const [, second] = history.revisions;
          const live = await database.introspect();
          assert.deepEqual(differencesFrom(schemasOf(history), second!, live), []);
        })
      );
      const [read, ...more] = readHistoryFolders(folder, folder);
      assert.deepEqual([read?.dialect, more], [engine.dialect, []]);
      const found = checkFolder(read!, null).findings.map(({ check, message }) => [check, message]);
      assert.deepEqual(found.filter(([check]) => check !== "downgrade"), []);
      assert.equal(found.length, kit === "kit-1.0" ? 2 : 3);
    });
  }
}

test("what scripts leave otherwise than their snapshots say is known, and what somebody changes is not", async () => {
  const folder = projectFile("tests/support/histories/kit-0.31/sqlite");
  const added: Readonly<Record<string, string>> = {
    "0001_parallel_spencer_smythe.sql":
      "ALTER TABLE users ADD score real DEFAULT 0.5; ALTER TABLE users ADD avatar blob;",
    "0002_step_3.sql": "CREATE TABLE extra (key text PRIMARY KEY NOT NULL, value text)",
  };
  const history = buildHistory("sqlite", {
    folder,
    read: (path) => added[path] ?? readIfThere(join(folder, path)),
  });
  const [engine] = engines;
  await engine!.withDatabase(async (url) => {
    const go = (text: string) =>
      withTestDatabase(
        url,
        (database) =>
          migrate(contextOf(database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 }),
      );
    const paths = async () => {
      const { findings } = await verifyUrl(url, { history, checks: ["schema"] });
      return findings.filter(({ status }) => status === "fail").map(({ details }) => details?.["path"]);
    };
    const drift = () => withTestDatabase(url, async (database) => [...await readDrift(database)].sort());
    await go("0001");
    assert.deepEqual(await drift(), ["index users_mood_idx is missing, expected users(mood)"]);
    assert.deepEqual(await paths(), []);
    await engine!.query(url, "DROP INDEX users_email_unique");
    assert.deepEqual(await paths(), ["index users_email_unique"]);
    await go("head");
    assert.deepEqual(await paths(), ["index users_email_unique"]);
    assert.deepEqual((await drift()).map((each) => each.split(":")[0]), [
      "column posts.title",
      "column posts.title",
      "index users_mood_idx is missing, expected users(mood)",
    ]);
  });
});

test("a lost snapshot of an old revision keeps nobody from going on", async () => {
  const folder = projectFile("tests/support/histories/kit-0.31/sqlite");
  const history = buildHistory("sqlite", {
    folder,
    read: (path) => path === "meta/0001_snapshot.json" ? null : readIfThere(join(folder, path)),
  });
  const [engine] = engines;
  await engine!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const context = contextOf(database, history);
      for (const text of ["0000", "0001", "0002"]) {
        await migrate(context, { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
      }
      const live = await database.introspect();
      assert.deepEqual(differencesFrom(schemasOf(history), history.revisions[2]!, live), []);
      assert.deepEqual(schemasOf(history).map(({ revision }) => revision), ["0000", "0002"]);
    })
  );
});

test("a database goes on when a tag with the same prefix makes other ids of those that it has", async () => {
  const folder = projectFile("tests/support/histories/kit-0.31/sqlite");
  const first = readHistory(folder, "sqlite");
  const journal = JSON.parse(readFileSync(join(folder, journalPath), "utf8"));
  const added: Readonly<Record<string, string>> = {
    [journalPath]: JSON.stringify({
      ...journal,
      entries: [...journal.entries, { idx: 3, when: 1e13, tag: "0001_twin" }],
    }),
    "0001_twin.sql": "CREATE TABLE twin (id INTEGER PRIMARY KEY)",
    "0001_twin.down.sql": "DROP TABLE twin",
  };
  const second = buildHistory("sqlite", {
    folder,
    read: (path) => added[path] ?? readIfThere(join(folder, path)),
  });
  const ids = [first, second].map(({ revisions }) => revisions.map(({ id }) => id));
  assert.deepEqual(ids, [["0000", "0001", "0002"], ["0000", first.revisions[1]!.tag, "0002", "0001_twin"]]);
  await engines[0]!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const go = (history: History, direction: "upgrade" | "downgrade", text: string) =>
        migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0 });
      await go(first, "upgrade", "head");
      assert.equal((await go(second, "upgrade", "head")).to, "0001_twin");
      assert.deepEqual(
        (await readApplied(database))!.map(({ revision }) => revision).sort(),
        ids[1]!.toSorted(),
      );
      await go(second, "downgrade", "-1");
      // And back, as when the twin's branch is given up.
      assert.deepEqual((await go(first, "upgrade", "head")).steps, []);
    })
  );
});

test("the snapshot of an older kit says the same as the one of today, so schema.ts is not ahead of it", () => {
  const second = (kit: string, dialect: Dialect) => {
    const { revisions } = readHistory(projectFile(`tests/support/histories/${kit}/${dialect}`), dialect);
    return readKitSnapshot(revisions[1]!.snapshot());
  };
  for (const dialect of ["postgresql", "sqlite"] as const) {
    // drizzle-kit 0.20 sorts the columns of SQLite's keys, in the script too.
    for (const kit of dialect === "sqlite" ? ["kit-0.24"] : ["kit-0.20", "kit-0.24"]) {
      assert.ok(sameSchema(second(kit, dialect), second("kit-0.31", dialect)), `${kit} ${dialect}`);
    }
  }
});
