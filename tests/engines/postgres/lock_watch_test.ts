import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { watchLocks } from "../../../src/engines/postgres/watch/locks.ts";
import type { WatchedBatch } from "../../../src/engines/watch/figures.ts";

test("a lock is held from the first statement of its batch on, however long what is said before that takes", async () => {
  const told: WatchedBatch[] = [];
  let answer = (_rows: readonly Record<string, unknown>[]) => {};
  const boats = [{ name: "boats", mode: "AccessExclusiveLock" }];
  // The look that is under way when the batch begins is answered behind its first statement.
  const answers = [new Promise<readonly Record<string, unknown>[]>((resolve) => answer = resolve)];
  const watch = watchLocks({
    pid: 1,
    place: { home: "public", named: [] },
    watcher: { onBatch: (batch) => told.push(batch) },
    observer: {
      ask: () => answers.shift() ?? Promise.resolve(boats),
      hasEnded: () => false,
      close: () => Promise.resolve(),
    },
  });
  const batch = watch.begin();
  await sleep(150);
  batch.starts();
  answer([]);
  await batch.beforeCommit();
  batch.committed({ changed: 0, read: 0 });
  await watch.stop();
  const [lock] = told[0]!.locks;
  assert.equal(lock!.table, "boats");
  assert.ok(lock!.heldMs < 100, `${lock!.heldMs} ms`);
});
