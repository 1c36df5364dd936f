import assert from "node:assert/strict";
import { test } from "node:test";
import type { Database, WriteMode } from "../../src/engines/database.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import { readApplied, readBackfills } from "../../src/engines/version_table.ts";
import type { History } from "../../src/history/history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { stamp } from "../../src/state/stamp.ts";
import { type Engine, engines, openTestDatabase, withTestDatabase } from "../support/databases.ts";
import { eachEngine, type Given } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";
import { ddlOf, type SampleTable, schemaHistory } from "../support/samples/schema_history.ts";
import { sql } from "../support/user_sql.ts";

const rows = 3_000;
const files = `CREATE TABLE "files" ("id" integer NOT NULL PRIMARY KEY, "size" integer, "name" text)`;
const backfill = (update: string) => `-- harbor:backfill table=files key=id\n${update}`;
const more = backfill(`UPDATE "files" SET "size" = "size" + 1`);
const less = backfill(`UPDATE "files" SET "size" = "size" - 1`);
const name = backfill(`UPDATE "files" SET "name" = 'filled' WHERE "name" IS NULL`);

function run(context: RunContext, direction: "upgrade" | "downgrade", text: string) {
  return migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
}

/** Returns the database with something that happens after each batch that has committed. */
function afterWrites(database: Database, then: (mode: WriteMode) => Promise<void>): Database {
  return {
    ...database,
    async write(batch, mode = "rows") {
      const changed = await database.write(batch, mode);
      await then(mode);
      return changed;
    },
  };
}

/** What a process does that ends at once: nothing more. */
class Killed extends Error {}

/** Returns a database whose process is killed after so many batches. */
function killedAfter(database: Database, batches: number): Database {
  let left = batches;
  return afterWrites(database, () => {
    left--;
    return left <= 0 ? Promise.reject(new Killed()) : Promise.resolve();
  });
}

async function addRows({ engine, url }: Pick<Given, "engine" | "url">): Promise<void> {
  const numbers = engine.dialect === "sqlite"
    ? `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) SELECT i, i, NULL FROM n`
    : `SELECT i, i, NULL FROM generate_series(1, ${rows}) AS n(i)`;
  await engine.query(url, `INSERT INTO files (id, size, name) ${numbers}`);
}

/** How many rows differ by how much from the size that they began with. */
async function sizes(database: Database): Promise<readonly (readonly [by: number, rows: number])[]> {
  const found = await database.read<{ by: unknown; n: unknown }>(
    sql`SELECT size - id AS by, count(*) AS n FROM files GROUP BY size - id ORDER BY 1`,
  );
  return found.map(({ by, n }) => [Number(by), Number(n)]);
}

eachEngine(
  "a backfill without a condition that is killed three times changes each row once, there and back",
  async ({ engine, url, database }) => {
    const history = historyOf(engine.dialect, [[files, `DROP TABLE "files"`], [more, less]]);
    const context = contextOf(database, history);
    await run(context, "upgrade", "+1");
    await addRows({ engine, url });
    for (const [direction, text, by] of [["upgrade", "head", 1], ["downgrade", "-1", 0]] as const) {
      let reached = 0;
      const startOfLast = async () =>
        (await readApplied(database))?.find(({ revision }) => revision === history.revisions[1]!.id)
          ?.startedAt;
      const before = await startOfLast();
      let begun: string | undefined;
      for (let kill = 1; kill <= 3; kill++) {
        // The first begins with the revision's record and the backfill's.
        const killed = contextOf(killedAfter(database, kill === 1 ? 5 : 3), history);
        await assert.rejects(run(killed, direction, text), Killed);
        const started = await startOfLast();
        assert.equal(started, begun ?? started);
        assert.ok(
          started! > (before ?? ""),
          `${direction}: started ${started}, and what was before ${before}`,
        );
        begun = started;
        const [saved] = (await readBackfills(database)).filter(({ finishedAt }) => finishedAt === null);
        const cursor = Number(saved?.lastKey ?? 0);
        assert.ok(cursor > reached, `${direction}: the cursor went from ${reached} to ${cursor}`);
        assert.ok(cursor < rows, "it was killed too late to show anything");
        // What is done, and nothing else, is what the cursor says.
        assert.deepEqual((await sizes(database)).find(([each]) => each === by)?.[1], cursor);
        reached = cursor;
      }
      const { steps: [step] } = await run(context, direction, text);
      assert.equal(step!.backfills[0]!.rows, rows);
      assert.deepEqual(await sizes(database), [[by, rows]]);
    }
    assert.deepEqual(await readBackfills(database), []);
  },
);

eachEngine(
  "a relative downgrade goes no further when another one came before it",
  async ({ engine, database }) => {
    const revisions = ["a", "b", "c"].map((table) =>
      [`CREATE TABLE "${table}" ("id" integer PRIMARY KEY)`, `DROP TABLE "${table}"`] as const
    );
    const context = contextOf(database, historyOf(engine.dialect, revisions));
    await run(context, "upgrade", "head");
    const late: Database = {
      ...database,
      async withLock(work, options) {
        await run(context, "downgrade", "-1");
        return await database.withLock(work, options);
      },
    };
    const { to, steps } = await run({ ...context, database: late }, "downgrade", "-1");
    assert.deepEqual([to, steps], [context.history.revisions[1]!.id, []]);
  },
  "sqlite",
);

eachEngine(
  "rows that change behind the cursor of a backfill are filled",
  async ({ engine, url, database }) => {
    const history = historyOf(engine.dialect, [files, name]);
    await run(contextOf(database, history), "upgrade", "+1");
    await addRows({ engine, url });
    let batches = 0;
    const busy = afterWrites(database, async () => {
      batches++;
      // The cursor is behind both by now.
      if (batches !== 4) return;
      await engine.query(url, "UPDATE files SET name = NULL WHERE id = 5");
      await engine.query(url, "INSERT INTO files (id, size) VALUES (0, 0)");
    });
    await run(contextOf(busy, history), "upgrade", "head");
    assert.ok(batches > 5);
    const [left] = await database.read<{ n: unknown }>(
      sql`SELECT count(*) AS n FROM files WHERE name IS NULL`,
    );
    assert.equal(Number(left!.n), 0);
  },
);

eachEngine("stamp settles a revision that is half done", async ({ engine, url, database }) => {
  const history = historyOf(engine.dialect, [files, more]);
  const context = contextOf(database, history);
  await run(context, "upgrade", "+1");
  await addRows({ engine, url });
  await assert.rejects(run(contextOf(killedAfter(database, 4), history), "upgrade", "head"), Killed);
  const half = (await readApplied(database))!.find(({ revision }) => revision === idOf(1));
  assert.equal(half?.finishedAt, null);
  await stamp(context, "head", 0);
  const applied = (await readApplied(database))!;
  assert.deepEqual(applied.map(({ revision, finishedAt }) => [revision, finishedAt !== null]).toSorted(), [
    [idOf(0), true],
    [idOf(1), true],
  ]);
  assert.deepEqual(await readBackfills(database), []);
  // How much its batches kept was to be put on record when all of them were done.
  assert.deepEqual((await readStatus(context)).kept?.map(({ rows }) => rows), [0]);
  assert.deepEqual((await run(context, "upgrade", "head")).steps, []);
  // Back to before it, it begins anew: what its batches had changed was kept, and comes back first.
  await stamp(context, idOf(0), 0);
  await run(context, "upgrade", "head");
  assert.deepEqual(await sizes(database), [[1, rows]]);
});

const once: SampleTable = { columns: { id: "integer!", title: "text" }, unique: { once: "title" } };
const twice: SampleTable = { columns: { id: "integer!", title: "text", body: "text" } };
const plain: SampleTable = { columns: { id: "integer!", title: "text" } };

/** Adds a column, then a unique index. */
function uniqueHistory({ dialect }: Engine): History {
  return schemaHistory(dialect, [
    { tables: { notes: plain }, up: ddlOf("notes", plain), down: [] },
    { tables: { notes: twice }, up: [`ALTER TABLE "notes" ADD COLUMN "body" text`], down: [] },
    {
      tables: { notes: { ...twice, unique: once.unique! } },
      up: [`CREATE UNIQUE INDEX "once" ON "notes" (title)`],
      down: [],
    },
  ]);
}

/** Returns the database with something that happens after the look ahead, before the lock is there. */
function beforeLock(database: Database, then: () => Promise<void>): Database {
  return {
    ...database,
    async withLock(work, options) {
      await then();
      return await database.withLock(work, options);
    },
  };
}

eachEngine(
  "an upgrade looks ahead again when another run moves on between its look and the lock",
  async ({ engine, url, database }) => {
    const history = uniqueHistory(engine);
    await run(contextOf(database, history), "upgrade", "+1");
    await engine.query(url, "INSERT INTO notes VALUES (1, 'a'), (2, 'b')");
    const overtaken = beforeLock(database, async () => {
      const other = await openTestDatabase(url);
      try {
        await run(contextOf(other, history), "upgrade", "+1");
      } finally {
        await other.close();
      }
      await engine.query(url, "UPDATE notes SET title = 'same'");
    });
    const error = await rejectsWith("data_conflict", run(contextOf(overtaken, history), "upgrade", "head"));
    assert.match(error.message, /2 rows of notes have the same title as another/);
    assert.match(error.hint!, /^Nothing was changed\./);
    assert.equal((await readApplied(database))!.length, 2);
  },
);

eachEngine(
  "an upgrade that sees rows in the way while another run is at work looks again under the lock",
  async ({ engine, url, database }) => {
    const history = uniqueHistory(engine);
    await run(contextOf(database, history), "upgrade", "+1");
    await engine.query(url, "INSERT INTO notes VALUES (1, 'same'), (2, 'same')");
    const waiting = beforeLock(database, async () => {
      await engine.query(url, "UPDATE notes SET title = 'other' WHERE id = 2");
    });
    const beside: Database = {
      ...waiting,
      lockHolder: () => Promise.resolve({ owner: "pid 1 on web1", since: null }),
    };
    assert.equal((await run(contextOf(beside, history), "upgrade", "head")).to, idOf(2));
  },
);

eachEngine(
  "a run that goes on reads what an interrupted revision has made already",
  async ({ engine, url, database }) => {
    const marked: SampleTable = {
      columns: { id: "integer!", title: "text", body: "text", deleted_at: "text" },
    };
    const history = schemaHistory(engine.dialect, [
      { tables: { notes: twice }, up: ddlOf("notes", twice), down: [] },
      {
        tables: { notes: marked },
        up: [
          `ALTER TABLE "notes" ADD COLUMN "deleted_at" text`,
          `-- harbor:backfill table=notes key=id\nUPDATE "notes" SET "body" = 'none' WHERE "body" IS NULL`,
        ],
        down: [],
      },
      {
        tables: { notes: { ...marked, unique: { live: "title WHERE deleted_at IS NULL" } } },
        up: [`CREATE UNIQUE INDEX "live" ON "notes" (title) WHERE deleted_at IS NULL`],
        down: [],
      },
    ]);
    await run(contextOf(database, history), "upgrade", "+1");
    await engine.query(url, "INSERT INTO notes (id, title) VALUES (1, 'same')");
    await assert.rejects(run(contextOf(killedAfter(database, 1), history), "upgrade", "head"), Killed);
    await engine.query(url, "UPDATE notes SET deleted_at = 'today'");
    await engine.query(url, "INSERT INTO notes (id, title) VALUES (2, 'same')");
    assert.equal((await run(contextOf(database, history), "upgrade", "head")).to, idOf(2));
  },
);

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  const index = `-- harbor:concurrently\nCREATE UNIQUE INDEX "once" ON "files" ("size")`;
  const isValid = async (url: string) => {
    const found = await engine.query(
      url,
      "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('once')",
    );
    return found.map((row) => row["indisvalid"]);
  };

  test(`${engine.name}: an index that failed half way is dropped and built again, not taken for made`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = contextOf(database, historyOf("postgresql", [files, index]));
        await run(context, "upgrade", "+1");
        await engine.query(url, "INSERT INTO files (id, size) VALUES (1, 1), (2, 1)");
        await rejectsWith("statement_failed", run(context, "upgrade", "head"));
        assert.deepEqual(await isValid(url), [false]);
        await engine.query(url, "UPDATE files SET size = 2 WHERE id = 2");
        assert.equal((await run(context, "upgrade", "head")).to, idOf(1));
        assert.deepEqual(await isValid(url), [true]);
      })
    ));

  test(`${engine.name}: an index that was made before the run was killed is not built again`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const history = historyOf("postgresql", [files, index]);
        await run(contextOf(database, history), "upgrade", "+1");
        await engine.query(url, "INSERT INTO files (id, size) VALUES (1, 1), (2, 2)");
        const modes: WriteMode[] = [];
        const killed = afterWrites(database, (mode) => {
          return mode === "alone" ? Promise.reject(new Killed()) : Promise.resolve();
        });
        await assert.rejects(run(contextOf(killed, history), "upgrade", "head"), Killed);
        assert.deepEqual(await isValid(url), [true]);
        const seen = afterWrites(database, (mode) => Promise.resolve(void modes.push(mode)));
        assert.equal((await run(contextOf(seen, history), "upgrade", "head")).to, idOf(1));
        assert.deepEqual(await isValid(url), [true]);
        assert.ok(!modes.includes("alone"), modes.join());
      })
    ));

  test(`${engine.name}: a view that a revision drops does not hold a column whose type changes behind it`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const wide: SampleTable = { columns: { id: "integer!", title: "varchar(9)" } };
        const named: SampleTable = { columns: { id: "integer!", name: "text" } };
        const history = (drop: readonly string[]) =>
          schemaHistory("postgresql", [
            { tables: { notes: wide }, up: ddlOf("notes", wide), down: [] },
            {
              tables: { notes: { columns: { id: "integer!", name: "varchar(9)" } } },
              up: [...drop, `ALTER TABLE "notes" RENAME COLUMN "title" TO "name"`],
              down: [],
            },
            { tables: { notes: named }, up: [`ALTER TABLE "notes" ALTER COLUMN "name" TYPE text`], down: [] },
          ]);
        await run(contextOf(database, history([])), "upgrade", "+1");
        await engine.query(url, "CREATE VIEW titles AS SELECT title FROM notes");
        const error = await rejectsWith(
          "schema_mismatch",
          run(contextOf(database, history([])), "upgrade", "head"),
        );
        assert.match(error.message, /the view titles uses notes\.title, whose type has to become text/);
        assert.equal((await readApplied(database))!.length, 1);
        const context = contextOf(database, history([`DROP VIEW IF EXISTS "titles"`]));
        assert.equal((await run(context, "upgrade", "head")).to, idOf(2));
      })
    ));
}
