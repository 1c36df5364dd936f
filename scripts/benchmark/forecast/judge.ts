import { breachesOf, type Budgets } from "../../../src/rehearse/rules/budgets.ts";
import { longestLock, type RunFigures, totalOf } from "../../../src/rehearse/rules/figures.ts";

/** A forecast and the run that followed. */
export interface Outcome {
  readonly forecast: RunFigures;
  readonly run: RunFigures;
}

/** By how many times a run may differ. */
export const factor = 1.5;

/** What is shorter is nothing to anybody, and its quotient says nothing, in milliseconds. */
export const nothingMs = 5;

/** Less than what a database grows by in steps. */
const nothingBytes = 64 * 1024;

/** How a forecast held. */
export interface Verdict {
  readonly time: boolean;
  /** The longest lock that keeps somebody waiting. */
  readonly lock: boolean;
  /** Whether rows changed, and the tables and modes of all locks, are what was told. */
  readonly alike: boolean;
  /** Of budgets of half of what the run took: how many there were, and how many the forecast says to be broken. */
  readonly breaches: number;
  readonly found: number;
  /** Of budgets of twice of what the run took, how many the forecast says to be broken. */
  readonly invented: number;
}

/** Returns the lock of a run that keeps others waiting for longest. */
export function lockOf({ steps }: RunFigures): { readonly heldMs: number; readonly marginMs: number } {
  return longestLock(steps.flatMap(({ locks }) => locks)) ?? { heldMs: 0, marginMs: 0 };
}

/** Says how a forecast held. */
export function judge({ forecast, run }: Outcome): Verdict {
  const [said, was] = [lockOf(forecast), lockOf(run)];
  const bytes = run.growth === null ? 0 : totalOf(run.growth);
  const breaks = (budgets: Budgets) => breachesOf(forecast, budgets, { isForecast: true }).length > 0;
  const budgets = [
    { budget: (times: number) => ({ maxTimeMs: run.ms * times }), isSomething: run.ms > 2 * nothingMs },
    {
      budget: (times: number) => ({ maxLockMs: was.heldMs * times + (times < 1 ? 0 : said.marginMs) }),
      isSomething: was.heldMs > 0,
    },
    { budget: (times: number) => ({ maxDiskBytes: bytes * times }), isSomething: bytes > nothingBytes },
  ].filter(({ isSomething }) => isSomething);
  return {
    time: isNear(forecast.ms, run.ms, nothingMs),
    lock: isNear(said.heldMs, was.heldMs, said.marginMs),
    alike: JSON.stringify(countedOf(forecast)) === JSON.stringify(countedOf(run)),
    breaches: budgets.length,
    found: budgets.filter(({ budget }) => breaks(budget(0.5))).length,
    invented: budgets.filter(({ budget }) => breaks(budget(2))).length,
  };
}

function isNear(said: number, was: number, marginMs: number): boolean {
  return Math.abs(said - was) <= marginMs || (said <= was * factor && was <= said * factor);
}

/** Returns what does not depend on the machine. */
export function countedOf({ steps }: RunFigures) {
  return steps.map(({ revision, rowsChanged, locks }) => ({
    revision,
    rowsChanged,
    locks: locks.map(({ table, mode, blocks }) => `${table ?? "all"}: ${mode} (${blocks})`).toSorted(),
  }));
}
