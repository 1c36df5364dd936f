import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { sql } from "../support/user_sql.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { Database } from "../../src/engines/database.ts";
import { openBackupEngine } from "../../src/engines/open/backup_engine.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { contextOf } from "../support/samples/adoption.ts";
import {
  engines,
  openTestDatabase,
  sqlitePath,
  testClient,
  withFolder,
  withTestDatabase,
} from "../support/databases.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";

// What somebody else does between a look and the act that relies on it.

const scripts = [
  "CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, trips INTEGER)",
  "UPDATE boats SET trips = trips + 1",
  "UPDATE boats SET trips = trips * 10",
];

// How far another run comes meanwhile, and the steps that are left.
for (const [target, left] of [["+1", [idOf(2)]], ["head", []]] as const) {
  eachEngine(
    `a run that goes ${target} between the look ahead and the lock is seen under the lock`,
    async ({ engine, url, database }) => {
      const history = historyOf(engine.dialect, scripts);
      const upgrade = (database: Database, text: string) =>
        migrate({ ...contextOf(database), history }, { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
      await upgrade(database, "+1");
      await database.write([sql`INSERT INTO boats VALUES (1, 1)`]);
      let others = 0;
      const late: Database = {
        ...database,
        async withLock(work, options) {
          if (others++ === 0) await withTestDatabase(url, (other) => upgrade(other, target));
          return await database.withLock(work, options);
        },
      };
      const { steps } = await upgrade(late, "head");
      assert.deepEqual(steps.map(({ revision }) => revision), left);
      assert.equal(others, 1);
      assert.deepEqual(await database.read(sql`SELECT trips FROM boats`), [{ trips: 20 }]);
    },
  );
}

eachEngine(
  "rehearse() sees what a deferred constraint finds at the end, and keeps nothing",
  async ({ database }) => {
    await database.write([
      sql`CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL)`,
      sql`CREATE TABLE trips (boat_id INTEGER REFERENCES boats (id) DEFERRABLE INITIALLY DEFERRED)`,
    ]);
    const dangling = [sql`INSERT INTO trips VALUES (9)`];
    await rejectsWith("dangling_reference", database.rehearse(dangling, "rows"));
    await rejectsWith("dangling_reference", database.rehearse(dangling, "schema"));
    await database.rehearse([...dangling, sql`INSERT INTO boats VALUES (9)`], "rows");
    assert.deepEqual(await database.read(sql`SELECT count(*) AS n FROM trips`), [{ n: 0 }]);
  },
);

const [sqlite] = engines;

test("a file that is opened for writing after the first look is not replaced", () =>
  sqlite!.withDatabase((url) =>
    withFolder(async (folder) => {
      const path = sqlitePath(url);
      await sqlite!.query(url, "CREATE TABLE boats (name TEXT)");
      const engine = await openBackupEngine({
        url: parseDatabaseUrl(url),
        client: testClient,
        environment: {},
      });
      const { signal } = new AbortController();
      await engine.dump(join(folder, "copy"), signal);
      await sqlite!.query(url, "INSERT INTO boats VALUES ('Anna')");
      const database = await openTestDatabase(url);
      // It waits for a line before it opens the file, and for another one before it ends.
      const application = spawn("sh", ["-c", 'read -r _; exec 3<>"$1"; echo open; read -r _', "sh", path]);
      try {
        const late: Database = {
          ...database,
          async close() {
            await database.close();
            application.stdin.write("open\n");
            await once(application.stdout, "data");
          },
        };
        const error = await rejectsWith(
          "in_use",
          engine.restore(join(folder, "copy"), signal, { database: late }),
        );
        assert.match(
          error.message,
          new RegExp(`pid ${application.pid} \\(sh\\) has the file open for writing`),
        );
      } finally {
        application.stdin.end();
        await once(application, "close");
      }
      assert.deepEqual(await sqlite!.query(url, "SELECT name FROM boats"), [{ name: "Anna" }]);
      const beside = readdirSync(dirname(path)).filter((name) => name !== basename(path));
      assert.deepEqual(beside.filter((name) => name.includes("restore")), []);
    })
  ));
