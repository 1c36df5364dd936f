import assert from "node:assert/strict";
import { test } from "node:test";
import {
  firstSize,
  type Load,
  nextSpan,
  nextTurn,
  type PaceLimits,
  smallestBatch,
} from "../../src/engines/pace.ts";

const limits: PaceLimits = { batchMs: 20, rest: 1, maxLagMs: 10_000, maxRate: null };
const quiet: Load = {
  heldMs: 20,
  fixedMs: 0,
  waitedMs: 0,
  waiting: 0,
  lagMs: 0,
  backlog: 0,
  backlogReason: "the log is full",
};
const full = { size: 1_000, rows: 1_000 };

test("nextTurn() keeps a batch that takes as long as it should, and pauses as long as it took", () => {
  assert.deepEqual(nextTurn(full, quiet, limits), { size: 1_000, pauseMs: 20, hold: null });
});

test("nextTurn() finds the size for a target time, from far below and far above, without passing it by much", () => {
  for (const [start, msPerRow] of [[firstSize, 0.002], [1_000_000, 0.002], [firstSize, 3]] as const) {
    let size: number = start;
    const seen: number[] = [];
    for (let batch = 0; batch < 40; batch++) {
      const heldMs = size * msPerRow;
      seen.push(heldMs);
      size = nextTurn({ size, rows: size }, { ...quiet, heldMs }, limits).size;
    }
    const last = seen.at(-1)!;
    assert.ok(Math.abs(last - 20) < 2, `${start} rows of ${msPerRow} ms: ${last} ms in the end`);
    if (start === firstSize && msPerRow < 0.2) {
      assert.ok(Math.max(...seen) < 25, `up to ${Math.max(...seen)} ms`);
    }
  }
});

test("nextTurn() halves a batch at most, and doubles it at most", () => {
  assert.equal(nextTurn(full, { ...quiet, heldMs: 20_000 }, limits).size, 500);
  assert.equal(nextTurn(full, { ...quiet, heldMs: 0 }, limits).size, 2_000);
  assert.equal(nextTurn({ size: 1, rows: 1 }, { ...quiet, heldMs: 9_000 }, limits).size, 1);
});

test("nextTurn() takes the way to a server and back for no reason to shrink", () => {
  const far = { ...quiet, heldMs: 120, fixedMs: 100 };
  assert.equal(nextTurn(full, far, limits).size, 1_000);
});

test("nextTurn() makes no batch too small for what a busy machine adds to each, unless somebody waits or the rows themselves take long", () => {
  const shrunk = (rowsMsEach: number, change: Partial<Load> = {}) => {
    let size = 5_000;
    for (let batch = 0; batch < 40; batch++) {
      const rowsMs = size * rowsMsEach;
      const load = { ...quiet, heldMs: 90 + rowsMs, rowsMs, ...change };
      size = nextTurn({ size, rows: size }, load, { ...limits, batchMs: 2 }).size;
    }
    return size;
  };
  assert.equal(shrunk(0.002), smallestBatch.rows);
  assert.equal(shrunk(1), smallestBatch.ms);
  assert.equal(shrunk(0.002, { waitedMs: 500 }), 1);
});

test("nextTurn() goes on a crowded machine as on a quiet one while nobody waits", () => {
  const wal = { ...limits, batchMs: 2, rest: 1.2 };
  const sizeOf = (load: (ownMs: number) => Load) => {
    let turn = { size: firstSize, pauseMs: 0 };
    for (let batch = 0; batch < 40; batch++) {
      turn = nextTurn({ size: turn.size, rows: turn.size }, load(turn.size * 0.002), wal);
    }
    return turn;
  };
  const alone = sizeOf((ownMs) => ({ ...quiet, heldMs: ownMs, rowsMs: ownMs }));
  const crowded = sizeOf((ownMs) => ({ ...quiet, heldMs: ownMs + 30, rowsMs: ownMs + 30, idleMs: 30 }));
  assert.deepEqual(crowded, alone);
  assert.ok(Math.abs(alone.size - 1_000) < 10, `${alone.size} rows`);
  const waitedFor = sizeOf((ownMs) => ({ ...quiet, heldMs: ownMs + 30, rowsMs: ownMs + 30 }));
  assert.ok(waitedFor.size <= smallestBatch.rows, `${waitedFor.size} rows`);
  assert.ok(waitedFor.pauseMs > 30, `${waitedFor.pauseMs} ms`);
});

test("nextTurn() learns nothing about larger batches from one that had little to change", () => {
  assert.equal(nextTurn({ size: 1_000, rows: 3 }, { ...quiet, heldMs: 0.1 }, limits).size, 1_000);
});

// One row a signal: what it changes of the load, and that pauses grow with it.
const signals: readonly [string, Partial<Load>][] = [
  ["sessions wait for locks", { waiting: 2 }],
  ["the batch waited long for others", { waitedMs: 500 }],
  ["a replica falls behind", { lagMs: 5_000 }],
  ["a backlog piles up", { backlog: 0.5 }],
];
for (const [what, change] of signals) {
  test(`nextTurn() pauses longer when ${what}`, () => {
    const turn = nextTurn(full, { ...quiet, ...change }, limits);
    assert.ok(turn.pauseMs >= 40, `${turn.pauseMs} ms`);
    assert.equal(turn.hold, null);
  });
}

test("nextTurn() makes batches smaller when sessions wait for locks", () => {
  assert.ok(nextTurn(full, { ...quiet, waiting: 1 }, limits).size < 1_000);
  assert.ok(nextTurn(full, { ...quiet, waiting: 1, heldMs: 1 }, limits).size < 1_000);
});

test("nextTurn() holds while a replica is further behind than allowed, or the backlog is full, and says why", () => {
  assert.match(nextTurn(full, { ...quiet, lagMs: 10_001 }, limits).hold!, /a replica is 10\.0 s behind/);
  assert.equal(nextTurn(full, { ...quiet, lagMs: 10_000 }, limits).hold, null);
  assert.equal(
    nextTurn(full, { ...quiet, lagMs: 1 }, { ...limits, maxLagMs: 0 }).hold,
    "a replica is 0.0 s behind",
  );
  assert.equal(nextTurn(full, { ...quiet, backlog: 1 }, limits).hold, "the log is full");
});

test("nextTurn() never pauses so shortly that a waiting program has no turn", () => {
  assert.ok(nextTurn(full, { ...quiet, heldMs: 0.5 }, limits).pauseMs >= 4);
});

test("nextTurn() keeps to the most rows per second", () => {
  const { pauseMs } = nextTurn(full, quiet, { ...limits, maxRate: 2_000 });
  assert.equal(pauseMs, 480);
});

test("nextSpan() passes over what has nothing to change in a few looks, and is slowed by long ones", () => {
  let span = firstSize;
  let looks = 0;
  for (let passed = 0; passed < 1_000_000; looks++) {
    passed += span;
    span = nextSpan(span, span * 0.0001, 20);
  }
  assert.ok(looks < 20, `${looks} looks`);
  assert.ok(span <= 200_000, `${span} keys at once`);
  assert.equal(nextSpan(1_000, 40, 20), 500);
});
