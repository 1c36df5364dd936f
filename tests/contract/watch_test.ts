import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Database } from "../../src/engines/database.ts";
import type { WatchedBatch } from "../../src/engines/watch/figures.ts";
import { engines, openTestDatabase, withTestDatabase } from "../support/databases.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

const made = [
  sql`CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, name TEXT)`,
  sql`INSERT INTO boats VALUES (1, 'Anna'), (2, 'Berta')`,
];

/** Returns what is told of the batches that commit meanwhile. */
async function batchesDuring(database: Database, work: () => Promise<unknown>): Promise<WatchedBatch[]> {
  const batches: WatchedBatch[] = [];
  await database.watch({ onBatch: (batch) => batches.push(batch) }, work);
  return batches;
}

eachEngine(
  "watch() tells what a batch locked, and how many rows it changed",
  async ({ engine, database }) => {
    await database.write(made);
    const batches = await batchesDuring(database, () =>
      database.write([
        sql`ALTER TABLE boats ADD COLUMN size INTEGER`,
        sql`UPDATE boats SET name = 'Clara'`,
        sql`CREATE TABLE owners (id INTEGER PRIMARY KEY NOT NULL)`,
      ], "schema"));
    assert.equal(batches.length, 1);
    const [{ locks, rowsChanged, rowsRead } = assert.fail()] = batches;
    assert.equal(rowsChanged, 2);
    assert.ok(locks.every(({ heldMs }) => heldMs > 0));
    if (engine.dialect === "postgresql") {
      const strongest = locks.find(({ mode }) => mode === "AccessExclusiveLock");
      assert.deepEqual([strongest!.table, strongest!.blocks], ["boats", "readers and writers"]);
      assert.ok(rowsRead! >= 2);
      // Nobody else sees a table that the same transaction made.
      assert.ok(locks.every(({ table }) => table === "boats"));
    } else {
      assert.equal(rowsRead, null);
      assert.ok(
        locks.some(({ table, mode, blocks }) =>
          table === null && mode === "write lock" && blocks === "writers"
        ),
      );
    }
    await database.write([sql`UPDATE boats SET name = 'Dora'`]);
    assert.equal(batches.length, 1);
  },
);

eachEngine("watch() tells nothing of a batch that failed, or of the lock's own", async ({ database }) => {
  await database.write(made);
  const batches = await batchesDuring(database, async () => {
    await rejectsWith("statement_failed", database.write([sql`INSERT INTO boats VALUES (1, 'Emma')`]));
    await database.withLock(() => Promise.resolve());
  });
  assert.deepEqual(batches, []);
});

eachEngine("pauses between batches are made, or only counted by who watches", async ({ database }) => {
  await database.write(made);
  const pace = await database.pace("boats");
  const { signal } = new AbortController();
  const counted: number[] = [];
  const began = performance.now();
  await database.watch(
    { onBatch: () => {}, onPause: (ms) => counted.push(ms) },
    () => pace.pause(60_000, signal),
  );
  assert.deepEqual(counted, [60_000]);
  assert.ok(performance.now() - began < 30_000);
  const paused = performance.now();
  await pace.pause(30, signal);
  assert.ok(performance.now() - paused >= 25);
});

for (const engine of engines.filter(({ name }) => name === "sqlite file" || name === "postgres 15")) {
  test(`${engine.name}: watch() tells by how much a batch made the database larger`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        await database.write(made);
        await database.watch({
          onBatch: ({ space }) => assert.ok(space!.fileBytes + space!.logBytes > 0),
        }, async () => {
          const before = await database.space();
          const many = Array.from({ length: 200 }, (_, i) =>
            sql`INSERT INTO boats VALUES (${i + 10}, ${"x".repeat(4_000)})`);
          await database.write(many);
          const after = await database.space();
          const grown = after!.fileBytes + after!.logBytes - before!.fileBytes - before!.logBytes;
          assert.ok(grown > 20_000, String(grown));
        });
      })
    ));
}

test("sqlite file: where nothing has to last, nothing waits for the disk, until nobody watches any more", () =>
  engines.find(({ name }) => name === "sqlite file")!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      await database.write(made);
      const care = async () => {
        const [row] = await database.read<{ synchronous: number; cache_size: number }>(
          sql`SELECT synchronous, cache_size FROM pragma_synchronous, pragma_cache_size`,
        );
        const { batchMs } = await database.pace("boats");
        return [Number(row!.synchronous), Number(row!.cache_size), batchMs < 100];
      };
      const before = await care();
      await database.watch({ onBatch: () => {}, isThrowAway: true }, () =>
        database.withLock(async () => {
          assert.deepEqual(await care(), [0, -8192, false]);
        }));
      assert.deepEqual(await care(), before);
    })
  ));

test("sqlite file: who watches next waits for nothing that was written while nothing had to last", () =>
  engines.find(({ name }) => name === "sqlite file")!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      await database.write([sql`PRAGMA journal_mode = WAL`], "alone");
      const logBytes = async () => (await database.space())!.logBytes;
      await database.watch({ onBatch: () => {}, isThrowAway: true }, () => database.write(made));
      assert.ok(await logBytes() > 0);
      await database.watch({ onBatch: () => {} }, async () => assert.equal(await logBytes(), 0));
    })
  ));

const postgres = engines.find(({ name }) => name === "postgres 15")!;

test("postgres 15: watch() tells of no lock on harbor-db's own tables and their sequences, and of those on somebody's", () =>
  postgres.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const identity = "INTEGER GENERATED ALWAYS AS IDENTITY";
      await database.write([
        sql`CREATE TABLE harbor_kept (id INTEGER)`,
        sql.raw(`CREATE TABLE harbor_kept_1 (harbor_row ${identity}, name TEXT)`),
        sql.raw(`CREATE TABLE harbor_kept_mine (harbor_row ${identity}, name TEXT)`),
      ]);
      const batches = await batchesDuring(database, () =>
        database.write([
          sql`INSERT INTO harbor_kept_1 (name) VALUES ('Anna')`,
          sql`INSERT INTO harbor_kept_mine (name) VALUES ('Berta')`,
        ]));
      assert.deepEqual(batches.flatMap(({ locks }) => locks.map(({ table }) => table)).toSorted(), [
        "harbor_kept_mine",
        "harbor_kept_mine_harbor_row_seq",
      ]);
    })
  ));

test("postgres 15: a batch that keeps others waiting for longer than it may is broken off and rolled back", () =>
  postgres.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      await database.write(made);
      const watcher = { onBatch: () => assert.fail("it did not commit"), maxLockMs: 100 };
      const error = await rejectsWith(
        "over_budget",
        database.watch(watcher, () =>
          database.write(
            [sql`ALTER TABLE boats ADD COLUMN size INTEGER`, sql`SELECT pg_sleep(20)`],
            "schema",
          )),
      );
      assert.match(error.message, /"boats": AccessExclusiveLock kept readers and writers waiting/);
      assert.equal(error.details["budget"], "max-lock");
      const { tables } = await database.introspect();
      assert.equal(tables[0]!.columns.length, 2);
      // A lock that keeps nobody waiting may be held as long as it takes.
      const reader = await openTestDatabase(url, "write");
      try {
        await reader.watch({ onBatch: () => {}, maxLockMs: 100 }, () =>
          reader.write([sql`UPDATE boats SET name = 'Clara'`, sql`SELECT pg_sleep(0.4)`]));
      } finally {
        await reader.close();
      }
      assert.deepEqual(await database.read(sql`SELECT DISTINCT name FROM boats`), [{ name: "Clara" }]);
    })
  ));
