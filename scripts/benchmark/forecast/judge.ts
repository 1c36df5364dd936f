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

/** Less than what a server writes whole of a few pages of its catalog, or not, is nothing to anybody. */
const nothingBytes = 300 * 1024;

/** By how much of itself a number of rows may differ: each batch has records of its own, and there are now more, now fewer. */
const ofBatches = 0.01;

/** How a forecast held. */
export interface Verdict {
  readonly time: boolean;
  /** The longest lock that keeps somebody waiting. */
  readonly lock: boolean;
  /** Whether rows changed, and the tables and modes of all locks that keep somebody waiting, are what was told. */
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

/** Returns how many bytes a run took more at most. */
export function bytesOf({ growth }: RunFigures): number {
  return growth === null ? 0 : totalOf(growth);
}

/** Says how a forecast held. */
export function judge({ forecast, run }: Outcome): Verdict {
  const [said, was] = [lockOf(forecast), lockOf(run)];
  const bytes = bytesOf(run);
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
    alike: isAlike(forecast, run),
    breaches: budgets.length,
    found: budgets.filter(({ budget }) => breaks(budget(0.5))).length,
    invented: budgets.filter(({ budget }) => breaks(budget(2))).length,
  };
}

function isNear(said: number, was: number, marginMs: number): boolean {
  return Math.abs(said - was) <= marginMs || (said <= was * factor && was <= said * factor);
}

function isAlike(forecast: RunFigures, run: RunFigures): boolean {
  const [said, was] = [countedOf(forecast), countedOf(run)];
  return said.length === was.length && said.every(({ revision, rowsChanged, locks }, place) => {
    const step = was[place]!;
    const isNearly = Math.abs(rowsChanged - step.rowsChanged) <= step.rowsChanged * ofBatches;
    return revision === step.revision && isNearly && locks.join() === step.locks.join();
  });
}

/** Returns what does not depend on the machine. A lock that keeps nobody waiting may be gone between two looks. */
export function countedOf({ steps }: RunFigures) {
  return steps.map(({ revision, rowsChanged, locks }) => ({
    revision,
    rowsChanged,
    locks: locks.filter(({ blocks }) => blocks !== "nobody")
      .map(({ table, mode, blocks }) => `${table ?? "all"}: ${mode} (${blocks})`).toSorted(),
  }));
}
