import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { watchBatch } from "../../../src/engines/sqlite/watch/batch.ts";

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
