import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Watcher } from "./watch/figures.ts";

/** How a database bore the last batch, and what it shows of the load. */
export interface Load {
  /** For how long the batch kept its locks, in milliseconds. */
  readonly heldMs: number;
  /** Of that, what a batch takes however small it is: the way to a server and back. */
  readonly fixedMs: number;
  /**
   * Of `heldMs`, for how long it was in line for a processor while nobody waited for it: no reason to do less. Left out where that cannot be
   * told.
   */
  readonly idleMs?: number;
  /**
   * What its statements alone took, without what a busy machine adds around them. Left out where that cannot be told: it is
   * then all of the rest.
   */
  readonly rowsMs?: number;
  /** For how long it waited for others before, attempts that came to nothing included, in milliseconds. */
  readonly waitedMs: number;
  /** Sessions that wait for a lock at this moment; 0 where the engine does not tell. */
  readonly waiting: number;
  /** How far the slowest replica is behind, in milliseconds; 0 without one, or where it may not be seen. */
  readonly lagMs: number;
  /** What batches pile up until somebody clears it away, as a share of what is bearable: at 1 no more is. */
  readonly backlog: number;
  /** What keeps a full backlog from being cleared away, for people. */
  readonly backlogReason: string;
}

/** For how long a batch should keep its locks when nobody says otherwise, in milliseconds. */
export const batchTimes = {
  /**
   * In SQLite's WAL mode short enough that a writer which finds the lock taken has it after its first or second look
   * (SQLite looks again after 1, 3, 8, 18, … ms).
   */
  wal: 2,
  /** A rollback journal costs some milliseconds for each batch, however small, so a batch has to be worth it. */
  journal: 20,
  server: 100,
};

/** The pace where nobody has to be left room: see `Watcher.isThrowAway`. */
export const hurry = { batchMs: 500 };

/** How far a replica may be behind when nobody says otherwise, in milliseconds. */
export const defaultMaxLagMs = 10_000;

/** Returns how long to pause after a look at a table, as a multiple of its time: 0 where it keeps nobody waiting. */
export function readRest(database: { readonly readsBlockWriters: () => boolean }): number {
  return database.readsBlockWriters() ? 1 : 0;
}

/** What batches have to keep to. */
export interface PaceLimits {
  /** For how long a batch should keep its locks, in milliseconds. */
  readonly batchMs: number;
  /** How long to pause after it, as a multiple of its time. */
  readonly rest: number;
  /** How far a replica may be behind, in milliseconds. */
  readonly maxLagMs: number;
  /** The most rows per second; `null` for no such limit. */
  readonly maxRate: number | null;
}

/** What one batch was to do and did. */
export interface Batch {
  /** The most rows that it was to change. */
  readonly size: number;
  /** Rows that it changed. */
  readonly rows: number;
}

/** What comes after a batch. */
export interface Turn {
  /** The most rows that the next batch is to change. */
  readonly size: number;
  readonly pauseMs: number;
  /** Why no batch should run before another look, for people; `null` when one may. */
  readonly hold: string | null;
}

/** The most rows of a first batch: quick on any machine. */
export const firstSize = 100;

/**
 * While nobody waits, no batch is to change fewer rows than this, or than change in so many milliseconds where that are
 * fewer. On a busy machine a batch takes long however small it is, and smaller ones would only be more.
 */
export const smallestBatch = { rows: 250, ms: 20 };

/**
 * The shortest pause, in milliseconds. A program that waits for SQLite's lock sleeps 1, 2, 5, 10, … ms between two
 * looks (`sqliteDefaultBusyCallback`): it must find the lock free at one of the first.
 */
const shortestPauseMs = 4;
const longestPauseMs = 5_000;
/** A batch that waited longer than this for others came at a bad time. */
const longWaitMs = 100;

/**
 * Decides how large the next batch is and when it comes, from how the last one went.
 *
 * The size follows the time that a batch should take by the square root of how far it was off: so it grows and shrinks
 * smoothly, and one slow batch among many does not upset it. Whatever shows that others suffer makes pauses longer.
 */
export function nextTurn(last: Batch, load: Load, limits: PaceLimits): Turn {
  const { batchMs, rest, maxLagMs, maxRate } = limits;
  const { heldMs, fixedMs, idleMs = 0, waitedMs, waiting, lagMs, backlog } = load;
  const busyMs = heldMs - idleMs;
  const workMs = busyMs - fixedMs;
  const isContended = waiting > 0 || waitedMs > longWaitMs;
  const strain = 1 + 3 * Math.min(1, backlog) + (lagMs > 0 ? 3 * Math.min(1, lagMs / maxLagMs) : 0) +
    (isContended ? 1 : 0);
  const polite = Math.min(longestPauseMs, Math.max(shortestPauseMs, busyMs * rest) * strain);
  const allowed = maxRate === null ? 0 : (last.rows / maxRate) * 1_000 - heldMs;
  return {
    size: nextSize(last, { workMs, rowsMs: Math.min(load.rowsMs ?? workMs, workMs), batchMs, isContended }),
    pauseMs: Math.max(polite, allowed),
    hold: holdReason(load, maxLagMs),
  };
}

function nextSize(
  { size, rows }: Batch,
  { workMs, rowsMs, batchMs, isContended }: {
    readonly workMs: number;
    readonly rowsMs: number;
    readonly batchMs: number;
    readonly isContended: boolean;
  },
): number {
  const ratio = Math.sqrt(batchMs / Math.max(workMs, 0.01));
  // How long a batch takes that had little to change says nothing about one that has much.
  const mayGrow = rows >= size / 2 && !isContended;
  const factor = Math.min(mayGrow ? 2 : 1, Math.max(0.5, ratio)) * (isContended ? 0.8 : 1);
  const least = isContended || rows === 0
    ? 1
    : Math.min(smallestBatch.rows, (smallestBatch.ms / Math.max(rowsMs, 0.01)) * rows);
  return Math.max(1, Math.round(Math.max(least, size * factor)));
}

function holdReason({ lagMs, backlog, backlogReason }: Load, maxLagMs: number): string | null {
  if (lagMs > maxLagMs) return `a replica is ${(lagMs / 1_000).toFixed(1)} s behind`;
  return backlog >= 1 ? backlogReason : null;
}

/** How many keys may be passed over for one row that is to be changed, in one batch. */
export const mostSparse = 20;

/**
 * Returns how many keys to look at next, after a look that found nothing to change. It grows fourfold while looking is
 * quick: a stretch without anything to change is over in a few looks.
 */
export function nextSpan(span: number, lookMs: number, batchMs: number): number {
  return Math.max(1, Math.round(span * Math.min(4, batchMs / Math.max(lookMs, 0.01))));
}

/** Makes a pause between batches, or counts it. A request to stop ends it. */
export async function pauseFor(ms: number, signal: AbortSignal, watcher: Watcher | null): Promise<void> {
  if (ms <= 0) return;
  if (watcher?.onPause !== undefined) {
    watcher.onPause(ms);
    // Signals and timers have their turn all the same.
    return await setImmediate();
  }
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
