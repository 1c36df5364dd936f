import assert from "node:assert/strict";
import { test } from "node:test";
import type { Database, WriteMode } from "../../src/engines/database.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { withTestDatabase } from "../support/databases.ts";
import { withClient, withFreshPostgres } from "../support/servers/postgres_server.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";

const files = `CREATE TABLE "files" (id integer PRIMARY KEY, size integer)`;
const scripts = {
  change: [
    `ALTER TABLE "files" ADD COLUMN place text DEFAULT 'here'`,
    `ALTER TABLE "files" ALTER COLUMN place DROP DEFAULT`,
    `-- harbor:concurrently\nCREATE INDEX "ix_files_place" ON "files" ("place")`,
    `-- harbor:backfill table=files key=id\nUPDATE "files" SET place = 'here' WHERE place IS NULL`,
  ].join(";--> statement-breakpoint\n"),
  elsewhere: `-- harbor:concurrently\nCREATE INDEX "ix_big" ON shared.big ("place")`,
  visible: `-- harbor:concurrently\nCREATE INDEX "ix_big" ON "big" ("place")`,
};

/** Upgrades an empty database through scripts and returns the modes of its batches. */
async function modesOf(url: string, scripts: readonly string[]): Promise<readonly WriteMode[]> {
  return await withTestDatabase(url, async (database) => {
    const modes: WriteMode[] = [];
    const noted: Database = {
      ...database,
      write: (batch, mode = "rows") => {
        modes.push(mode);
        return database.write(batch, mode);
      },
    };
    const context = contextOf(noted, historyOf("postgresql", scripts));
    const { to } = await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
    assert.equal(to, idOf(scripts.length - 1));
    return modes;
  });
}

test("postgres: an index of a table that is made in the same transaction is made there too", () =>
  withFreshPostgres(15, async (url) => {
    assert.deepEqual(await modesOf(url, [files, scripts.change]), ["schema"]);
    await withClient(url, async (admin) => {
      const [index] =
        await admin`SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_files_place'::regclass`;
      assert.equal(index?.["indisvalid"], true);
      const [row] = await admin`SELECT statements_done AS done, finished_at IS NOT NULL AS finished
        FROM harbor_version WHERE revision = ${idOf(1)}`;
      assert.deepEqual({ ...row }, { done: 4, finished: true });
    });
  }));

test("postgres: blocks, types and changes of what is new share a transaction, and what uses a new value waits for its end", () =>
  withFreshPostgres(15, async (url) => {
    const unlessThere = (statement: string) =>
      `DO $$ BEGIN ${statement}; EXCEPTION WHEN duplicate_object THEN null; END $$`;
    const history = [
      unlessThere("CREATE TYPE mood AS ENUM ('calm')"),
      `CREATE TABLE IF NOT EXISTS "a" (id integer PRIMARY KEY, "mood" mood, gone text)`,
      `CREATE TABLE IF NOT EXISTS "b" (id integer PRIMARY KEY, a integer)`,
      unlessThere(`ALTER TABLE "b" ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES "a"(id)`),
      `ALTER TYPE mood ADD VALUE 'busy'`,
      `ALTER TABLE "a" DROP COLUMN gone`,
      `ALTER TABLE "a" ALTER COLUMN "mood" SET DEFAULT 'busy'`,
    ];
    assert.deepEqual(await modesOf(url, [...history, "CREATE TABLE c (id integer)"]), ["schema", "schema"]);
  }));

for (const script of [scripts.elsewhere, scripts.visible]) {
  test(`postgres: an index of a table that may have rows is made beside its writers: ${script.slice(-22)}`, () =>
    withFreshPostgres(15, async (url) => {
      const path = "options=-csearch_path%3Dpublic,shared";
      await withClient(
        url,
        (admin) =>
          admin.unsafe("CREATE SCHEMA shared; CREATE TABLE shared.big AS SELECT 'here' AS place").simple(),
      );
      const modes = await modesOf(`${url}?${path}`, [files, "CREATE TABLE other (id integer)", script]);
      assert.deepEqual(modes.slice(0, 3), ["schema", "rows", "alone"]);
    }));
}
