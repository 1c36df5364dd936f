import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldLock } from "../../src/engines/watch/figures.ts";
import type { RunFigures } from "../../src/rehearse/rules/figures.ts";
import { judge, type Verdict } from "../../scripts/benchmark/forecast/judge.ts";
import { outcomeOf } from "../../scripts/benchmark/forecast/rehearsed.ts";

interface Given {
  readonly ms: number;
  readonly heldMs: number;
  readonly marginMs?: number;
  readonly bytes?: number;
  readonly rows?: number;
  readonly locks?: readonly HeldLock[];
}

const unseen: HeldLock = {
  table: "files",
  mode: "AccessShareLock",
  blocks: "nobody",
  heldMs: 1,
  marginMs: 1,
};

function figures({ ms, heldMs, marginMs = 2, bytes = 0, rows = 1_000, locks = [] }: Given): RunFigures {
  const held: HeldLock = { table: "files", mode: "ShareLock", blocks: "writers", heldMs, marginMs };
  const growth = { fileBytes: bytes, logBytes: 0, tempBytes: null };
  const step = {
    revision: "5b09ebe23c76",
    name: "Add",
    direction: "upgrade",
    ms,
    pausesMs: null,
    batches: 1,
    locks: [held, ...locks],
    rowsChanged: rows,
    rowsRead: null,
    growth,
    isDone: true,
  } as const;
  return { steps: [step], ms, growth };
}

const megabyte = 2 ** 20;

// What was forecast, what was, and what the verdict says of it.
const cases: readonly (readonly [rule: string, said: Given, was: Given, verdict: Partial<Verdict>])[] = [
  ["holds within one and a half times", { ms: 100, heldMs: 40 }, { ms: 149, heldMs: 59 }, {
    time: true,
    lock: true,
    breaches: 2,
    found: 2,
    invented: 0,
  }],
  ["misses beyond", { ms: 100, heldMs: 40 }, { ms: 151, heldMs: 61 }, { time: false, lock: false }],
  ["misses what was shorter as well", { ms: 151, heldMs: 61 }, { ms: 100, heldMs: 40 }, {
    time: false,
    lock: false,
  }],
  ["holds within the margin of the lock", { ms: 9, heldMs: 4, marginMs: 8 }, { ms: 13, heldMs: 12 }, {
    time: true,
    lock: true,
  }],
  ["sees breaches that were not found", { ms: 20, heldMs: 4, bytes: megabyte }, {
    ms: 100,
    heldMs: 40,
    bytes: 4 * megabyte,
  }, { breaches: 3, found: 0, invented: 0 }],
  ["sees breaches that were invented", { ms: 100, heldMs: 90, bytes: 4 * megabyte }, {
    ms: 20,
    heldMs: 10,
    bytes: megabyte,
  }, { breaches: 3, found: 3, invented: 3 }],
  ["lets batches differ in their records", { ms: 1, heldMs: 1, rows: 1_009 }, { ms: 1, heldMs: 1 }, {
    alike: true,
  }],
  ["sees other rows", { ms: 1, heldMs: 1, rows: 1_011 }, { ms: 1, heldMs: 1 }, { alike: false }],
  ["lets a look miss what nobody waits for", { ms: 1, heldMs: 1, locks: [unseen] }, { ms: 1, heldMs: 1 }, {
    alike: true,
  }],
  ["sees a lock more", { ms: 1, heldMs: 1 }, {
    ms: 1,
    heldMs: 1,
    locks: [{ ...unseen, mode: "ExclusiveLock", blocks: "writers" }],
  }, { alike: false }],
];

for (const [rule, said, was, verdict] of cases) {
  test(`the bench of forecasts ${rule}`, () => {
    const found = judge({ forecast: figures(said), run: figures(was) });
    assert.deepEqual(
      Object.fromEntries(Object.keys(verdict).map((name) => [name, found[name as keyof Verdict]])),
      verdict,
    );
  });
}

test("the bench of forecasts says which of the two is missing", () => {
  const some = figures({ ms: 1, heldMs: 1 });
  const read = (rehearsal: RunFigures | null, measured: RunFigures | null) =>
    outcomeOf(JSON.stringify({ rehearsal, measured }));
  assert.deepEqual(read(some, some), { forecast: some, run: some });
  assert.throws(() => read(null, some), /it was not rehearsed/);
  assert.throws(() => read(some, null), /nothing ran/);
});
