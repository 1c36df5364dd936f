import type { Direction } from "../../history/applied.ts";
import { blockable, type Blocks, type HeldLock, type Space } from "../../engines/watch/figures.ts";

/** What a step did, or what its rehearsal says that it will do. */
export interface StepFigures {
  readonly revision: string;
  readonly name: string;
  readonly direction: Direction;
  /** From its beginning to its end, in milliseconds, with the pauses between batches. */
  readonly ms: number;
  /** Of that, the pauses; where they were made, they are not told apart and this is `null`. */
  readonly pausesMs: number | null;
  readonly batches: number;
  /** Of each table and mode, for as long as it was held longest; the strongest first. */
  readonly locks: readonly HeldLock[];
  readonly rowsChanged: number;
  /** `null` where the engine does not count them. */
  readonly rowsRead: number | null;
  /** By how much the file and the log grew at most; `null` where nobody can look. */
  readonly growth: Growth | null;
  /** Whether it came to its end. */
  readonly isDone: boolean;
}

/** By how much more a database takes, in bytes. */
export interface Growth {
  readonly fileBytes: number;
  readonly logBytes: number;
  /** All that was written to temporary files; `null` where the engine does not tell. */
  readonly tempBytes: number | null;
}

/** What a whole run did. */
export interface RunFigures {
  readonly steps: readonly StepFigures[];
  /** Of all steps together. */
  readonly ms: number;
  /** At the moment at which it took most. */
  readonly growth: Growth | null;
}

/** Returns how many more bytes there are than there were; what became smaller counts as nothing. */
export function growthBetween(before: Space, after: Space): Growth {
  const more = (a: number, b: number) => Math.max(0, b - a);
  return {
    fileBytes: more(before.fileBytes, after.fileBytes),
    logBytes: more(before.logBytes, after.logBytes),
    tempBytes: before.tempBytes === null || after.tempBytes === null
      ? null
      : more(before.tempBytes, after.tempBytes),
  };
}

/** Returns all of it together. */
export function totalOf({ fileBytes, logBytes, tempBytes }: Growth): number {
  return fileBytes + logBytes + (tempBytes ?? 0);
}

/** Returns the one that takes more. */
export function largerGrowth(a: Growth | null, b: Growth | null): Growth | null {
  if (a === null || b === null) return a ?? b;
  return totalOf(b) > totalOf(a) ? b : a;
}

/** Returns the figures of two runs, one after the other. */
export function joinRuns(first: RunFigures | undefined, then: RunFigures): RunFigures {
  if (first === undefined) return then;
  const growth = first.growth === null || then.growth === null ? null : sumOf(first.growth, then.growth);
  return { steps: [...first.steps, ...then.steps], ms: first.ms + then.ms, growth };
}

/**
 * Returns the figures of a run with what typically took less time when the same was run again: of each step and each lock, the middle of
 * all times, where the first was longer. A step that did not come to its end again stays as it was.
 */
export function typicalOf(run: RunFigures, again: readonly RunFigures[]): RunFigures {
  const steps = run.steps.map((step): StepFigures => {
    const all = [step, ...again.flatMap(({ steps }) => steps.filter((other) => isSameStep(step, other)))];
    const { ms, pausesMs } = typical(all, ({ ms }) => ms);
    const locks = step.locks.map((lock) =>
      typical([lock, ...all.slice(1).flatMap((other) => lockLike(lock, other))], ({ heldMs }) => heldMs)
    );
    return { ...step, ms, pausesMs, locks: joinLocks(locks) };
  });
  return { ...run, steps, ms: steps.reduce((sum, { ms }) => sum + ms, 0) };
}

function isSameStep({ revision, direction }: StepFigures, other: StepFigures): boolean {
  return other.isDone && other.revision === revision && other.direction === direction;
}

function lockLike({ table, mode }: HeldLock, { locks }: StepFigures): readonly HeldLock[] {
  return locks.filter((other) => other.table === table && other.mode === mode);
}

/** Returns the middle one, of two the shorter, or the first where that took less: what comes again may have more to do. */
function typical<T>([first, ...others]: readonly T[], timeOf: (each: T) => number): T {
  const sorted = [first!, ...others].toSorted((a, b) => timeOf(a) - timeOf(b));
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]!;
  return timeOf(middle) < timeOf(first!) ? middle : first!;
}

function sumOf(a: Growth, b: Growth): Growth {
  return {
    fileBytes: a.fileBytes + b.fileBytes,
    logBytes: a.logBytes + b.logBytes,
    tempBytes: a.tempBytes === null || b.tempBytes === null ? null : a.tempBytes + b.tempBytes,
  };
}

/** By how much of itself a time may be longer the next time, of a copy that was just written with nobody else at work. */
const margin = 0.5;

/**
 * Joins locks of several batches, the strongest first, and of those the ones held longest. What a look at one cannot tell is the least
 * of its margin, not all: a lock's time varies as every time does.
 */
export function joinLocks(locks: readonly HeldLock[]): readonly HeldLock[] {
  const longest = new Map<string, HeldLock>();
  for (const lock of locks) {
    const key = JSON.stringify([lock.table, lock.mode]);
    const known = longest.get(key);
    if (known === undefined || known.heldMs < lock.heldMs) longest.set(key, lock);
  }
  const joined = [...longest.values()].map((lock) => ({
    ...lock,
    marginMs: Math.max(lock.marginMs, Math.ceil(lock.heldMs * margin)),
  }));
  return joined.toSorted((a, b) => rankOf(a) - rankOf(b) || b.heldMs - a.heldMs);
}

function rankOf({ blocks }: { readonly blocks: Blocks }): number {
  return blockable.indexOf(blocks);
}

/** Returns the lock that keeps others waiting for longest; `null` when none does. */
export function longestLock(locks: readonly HeldLock[]): HeldLock | null {
  const waitedFor = locks.filter(({ blocks }) => blocks !== "nobody");
  return waitedFor.toSorted((a, b) => b.heldMs - a.heldMs)[0] ?? null;
}
