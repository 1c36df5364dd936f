import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import type { LibsqlUrl } from "../../../src/base/url/libsql_url.ts";
import type { Trial } from "../../../src/engines/backup/engine.ts";
import type { Database } from "../../../src/engines/database.ts";
import { openLibsqlEngine } from "../../../src/engines/libsql/backup/engine.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import type { HeldLock, WatchedBatch } from "../../../src/engines/watch/figures.ts";
import { driverEngines, testClient, withFolder, withTestDatabase } from "../../support/databases.ts";

const libsql = driverEngines.find(({ name }) => name === "libsql")!;
const { signal } = new AbortController();

/** What others notice of a change: at which pace it comes, and whom its locks keep waiting. */
async function noticed(database: Database): Promise<unknown> {
  const { batchMs, rest } = await database.pace("t");
  const locks: HeldLock[] = [];
  const watcher = { onBatch: (batch: WatchedBatch) => void locks.push(...batch.locks) };
  await database.watch(watcher, () => database.write([sql`UPDATE t SET id = id + 1`]));
  return { batchMs, rest, locks: locks.map(({ table, mode, blocks }) => ({ table, mode, blocks })) };
}

test("what is tried for a server goes at its pace, with its locks: they keep no reader waiting", () =>
  libsql.withDatabase((url) =>
    withFolder(async (folder) => {
      await libsql.query(url, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
      await libsql.query(url, "INSERT INTO t VALUES (1)");
      const engine = openLibsqlEngine(parseDatabaseUrl(url) as LibsqlUrl);
      const path = join(folder, "copy");
      await engine.dump(path, signal);
      const tried: unknown[] = [];
      const onRestored = async (trial: Trial) => {
        const copy = await openDatabase(trial.url, { client: testClient, access: "write", ...trial.options });
        tried.push(await noticed(copy));
        await copy.close();
      };
      await engine.prove(path, signal, { onRestored });
      assert.deepEqual(tried, [await withTestDatabase(url, noticed)]);
    })
  ));
