import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import { watchBatch } from "../../../src/engines/sqlite/watch/batch.ts";
import type { WatchedBatch } from "../../../src/engines/watch/figures.ts";
import { sqliteUrl, withFolder, withTestDatabase } from "../../support/databases.ts";
import { sql } from "../../support/user_sql.ts";

const margins = [
  ["of a quiet disk, 2 ms", 0.4, 2],
  ["a slow commit took, rounded up", 12.3, 13],
] as const;

for (const [what, commitMs, expected] of margins) {
  test(`the margin of a lock is no less than ${what}`, () => {
    const handle = new DatabaseSync(":memory:");
    try {
      const watch = watchBatch(handle, null, commitMs);
      watch.beforeCommit();
      const { locks } = watch.end(1);
      assert.deepEqual(locks.map(({ marginMs }) => marginMs), [expected, expected]);
    } finally {
      handle.close();
    }
  });
}

test("a lock is held from when it is had, and not while the texts of the batch are read", async () => {
  await withFolder((folder) =>
    withTestDatabase(sqliteUrl(join(folder, "boats.db")), async (database) => {
      const shares: number[] = [];
      // SQLite reads the text as well, with the lock, and commits it: on a busy machine that may be nearly all.
      for (const name of ["a", "b", "c", "d", "e"]) {
        const batches: WatchedBatch[] = [];
        const text = `CREATE TABLE ${name} (id INTEGER PRIMARY KEY /* insert ${"'a' ".repeat(400_000)} */)`;
        const began = performance.now();
        await database.watch(
          { onBatch: (batch) => batches.push(batch) },
          () => database.write([sql.raw(text)], "schema"),
        );
        const tookMs = performance.now() - began;
        const [{ locks } = assert.fail()] = batches;
        shares.push(Math.max(...locks.map(({ heldMs }) => heldMs / tookMs)));
      }
      assert.ok(Math.min(...shares) < 0.9, `held for ${shares.join(", ")} of the time`);
    })
  );
});
