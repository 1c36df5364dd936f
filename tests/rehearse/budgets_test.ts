import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldLock } from "../../src/engines/watch/figures.ts";
import { breachesOf, type Budgets } from "../../src/rehearse/rules/budgets.ts";
import {
  growthBetween,
  joinLocks,
  longestLock,
  type RunFigures,
  typicalOf,
} from "../../src/rehearse/rules/figures.ts";

const readers: HeldLock = {
  table: "files",
  mode: "AccessExclusiveLock",
  blocks: "readers and writers",
  heldMs: 40,
  marginMs: 5,
};
const writers: HeldLock = { table: "files", mode: "ShareLock", blocks: "writers", heldMs: 300, marginMs: 5 };
const nobody: HeldLock = {
  table: "files",
  mode: "RowExclusiveLock",
  blocks: "nobody",
  heldMs: 9_000,
  marginMs: 5,
};

/** Two steps of 100 and 500 ms, of which the second has these locks and grows by 3 MB. */
function run(locks: readonly HeldLock[]): RunFigures {
  const growth = { fileBytes: 2_000_000, logBytes: 1_000_000, tempBytes: null };
  const step = {
    direction: "upgrade",
    pausesMs: 0,
    batches: 1,
    rowsChanged: 0,
    rowsRead: null,
    isDone: true,
  } as const;
  return {
    ms: 600,
    growth,
    steps: [
      { ...step, revision: "aaaa", name: "First", ms: 100, locks: [], growth: null },
      { ...step, revision: "bbbb", name: "Second", ms: 500, locks: joinLocks(locks), growth },
    ],
  };
}

const cases:
  readonly (readonly [rule: string, locks: readonly HeldLock[], budgets: Budgets, words: string])[] = [
    ["no budget, no breach", [readers, writers, nobody], {}, ""],
    ["a lock that keeps nobody waiting is no breach", [nobody], { maxLockMs: 10 }, ""],
    ["a lock within its budget", [readers], { maxLockMs: 40 }, ""],
    [
      "to the last unit where both are the same when rounded",
      [],
      { maxDiskBytes: 2_999_999 },
      "it takes 3\u00a0000\u00a0000 B more on the disk, of that bbbb (Second) 3.0 MB, and --max-disk allows 2\u00a0999\u00a0999 B",
    ],
    [
      "the longest of the locks that keep others waiting",
      [readers, writers, nobody],
      { maxLockMs: 20 },
      "bbbb (Second) keeps writers of files waiting for 300 ms, and --max-lock allows 20 ms",
    ],
    [
      "a lock of the whole database",
      [{ ...writers, table: null }],
      { maxLockMs: 100 },
      "bbbb (Second) keeps writers of the database waiting for 300 ms, and --max-lock allows 100 ms",
    ],
    ["time within its budget", [], { maxTimeMs: 600 }, ""],
    [
      "time beyond it names the step that takes most",
      [],
      { maxTimeMs: 300 },
      "all takes 600 ms, of that bbbb (Second) 500 ms, and --max-time allows 300 ms",
    ],
    ["disk within its budget", [], { maxDiskBytes: 3_000_000 }, ""],
    [
      "disk beyond it",
      [],
      { maxDiskBytes: 1_000_000 },
      "it takes 3.0 MB more on the disk, of that bbbb (Second) 3.0 MB, and --max-disk allows 1.0 MB",
    ],
  ];

for (const [rule, locks, budgets, words] of cases) {
  test(`budgets: ${rule}`, () =>
    assert.equal(breachesOf(run(locks), budgets).map((breach) => breach.words).join("; "), words));
}

test("of a forecast, a budget within the margin of a lock is broken, and of a run it is kept", () => {
  const budgets = { maxLockMs: 59 };
  assert.deepEqual(breachesOf(run([readers]), budgets), []);
  const [breach, ...others] = breachesOf(run([readers, nobody]), budgets, { isForecast: true });
  assert.deepEqual([breach?.figure, others], [40, []]);
  assert.match(breach!.words, /waiting for 40 ms \(± 20 ms\), and --max-lock allows 59 ms$/);
  assert.deepEqual(breachesOf(run([readers]), { maxLockMs: 60 }, { isForecast: true }), []);
});

test("a lock's margin is half of its time, and no less than what a look cannot tell", () =>
  assert.deepEqual(
    [0, 4, 40, 2_300].map((heldMs) => joinLocks([{ ...readers, heldMs }])[0]!.marginMs),
    [5, 5, 20, 1_150],
  ));

test("every budget that is broken is named", () => {
  const all = { maxLockMs: 1, maxTimeMs: 1, maxDiskBytes: 1 };
  assert.deepEqual(breachesOf(run([writers]), all).map(({ budget, revision }) => [budget, revision]), [
    ["max-lock", "bbbb"],
    ["max-time", "bbbb"],
    ["max-disk", "bbbb"],
  ]);
});

test("locks of several batches are joined by table and mode, the strongest first, each as long as its longest", () => {
  const joined = joinLocks([nobody, writers, readers, { ...writers, heldMs: 20 }, {
    ...readers,
    heldMs: 90,
  }]);
  assert.deepEqual(joined.map(({ mode, heldMs }) => [mode, heldMs]), [
    ["AccessExclusiveLock", 90],
    ["ShareLock", 300],
    ["RowExclusiveLock", 9_000],
  ]);
  assert.equal(longestLock(joined)?.mode, "ShareLock");
  assert.equal(longestLock([nobody]), null);
});

test("of a run and the same again, the middle time counts where the first was longer, step by step and lock by lock, and the first one's growth", () => {
  const first = run([readers, writers]);
  const [, step] = first.steps;
  const other = { ...step!, rowsChanged: 9, growth: null };
  const seen = (again: readonly Partial<RunFigures["steps"][number]>[]) => {
    const steps = again.map((each) => ({ ...other, ...each }));
    const { ms, steps: [, joined], growth } = typicalOf(first, [{ ms: 1, growth: null, steps }]);
    assert.deepEqual([growth, joined!.growth, joined!.rowsChanged], [first.growth, step!.growth, 0]);
    return [
      ms,
      joined!.ms,
      joined!.pausesMs,
      ...joined!.locks.map(({ heldMs, marginMs }) => [heldMs, marginMs]),
    ];
  };
  const was = [600, 500, 0, [40, 20], [300, 150]];
  assert.deepEqual(seen([{ ms: 200, pausesMs: 50 }]), [300, 200, 50, [40, 20], [300, 150]]);
  assert.deepEqual(seen([{ ms: 900, pausesMs: 50 }]), was);
  const locks = joinLocks([{ ...readers, heldMs: 60 }, { ...writers, heldMs: 8 }, nobody]);
  assert.deepEqual(seen([{ locks }]), [600, 500, 0, [40, 20], [8, 5]]);
  for (const not of [{ revision: "cccc" }, { direction: "downgrade" }, { isDone: false }] as const) {
    assert.deepEqual(seen([{ ...not, ms: 1, locks }]), was);
  }
  assert.deepEqual(seen([]), was);
});

test("of three times the middle one counts, and never more than the first", () => {
  const told = (first: number, ...again: readonly number[]) => {
    const one = (each: number) => {
      const given = run([{ ...readers, heldMs: each }]);
      return { ...given, steps: given.steps.map((step) => ({ ...step, ms: each })) };
    };
    const { steps } = typicalOf(one(first), again.map(one));
    return steps.map(({ ms, locks: [lock] }) => [ms, lock?.heldMs]);
  };
  const twoSteps = (ms: number) => [[ms, undefined], [ms, ms]];
  assert.deepEqual(told(90, 20, 40), twoSteps(40));
  assert.deepEqual(told(20, 40, 90), twoSteps(20));
  assert.deepEqual(told(40, 90, 20), twoSteps(40));
});

test("what became smaller is no growth, and temporary files count where the engine tells of them", () => {
  const before = { fileBytes: 100, logBytes: 50, tempBytes: 7 };
  const after = { fileBytes: 130, logBytes: 10, tempBytes: 9 };
  assert.deepEqual(growthBetween(before, after), { fileBytes: 30, logBytes: 0, tempBytes: 2 });
  assert.equal(growthBetween(before, { ...after, tempBytes: null }).tempBytes, null);
});
