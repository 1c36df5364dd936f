import type { Backfill } from "../../history/scripts/statement.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { SQL } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import {
  defaultMaxLagMs,
  firstSize,
  mostSparse,
  nextSpan,
  nextTurn,
  type PaceLimits,
  readRest,
  type Turn,
} from "../../engines/pace.ts";
import type { Pace } from "../../engines/database.ts";
import { hasMatch, type KeyPlace, readWindow, updateWithin, type Window } from "./backfill_window.ts";
import type { RunContext } from "../../engines/run_context.ts";

/** What the user may set of the pace; what is left out is up to the engine. */
export interface PaceOptions {
  /** For how long a batch should keep its locks, in milliseconds. */
  readonly batchMs?: number | undefined;
  /** How far a replica may be behind, in milliseconds. */
  readonly maxLagMs?: number | undefined;
  /** The most rows per second. */
  readonly maxRate?: number | undefined;
}

/** What a batch did that has committed. */
export interface DoneBatch {
  /** Rows that it changed. */
  readonly rows: number;
  /** For how long it kept its locks, in milliseconds. */
  readonly heldMs: number;
}

/** A part of a table to change, and what to do about its batches. */
export interface Stretch {
  readonly from: KeyPlace;
  readonly end: string | null;
  /** Returns the change itself, in the place of the backfill's own. */
  readonly change?: (
    range: { readonly from: KeyPlace; readonly end: string },
  ) => readonly SQL[] | Promise<readonly SQL[]>;
  /** Returns the statements that go into a batch beside the change itself. */
  readonly save: (window: Window) => readonly SQL[];
  readonly onBatch: (window: Window, done: DoneBatch) => void;
  /** Told after every look how far it came. */
  readonly onProgress: (
    progress: { readonly last: string; readonly walked: number; readonly size: number },
  ) => void;
}

/** Changes the rows of a table in batches, at a pace that the application does not notice. */
export interface Walker {
  /** Changes what is wanted in a stretch. What it learned about the pace holds for the next one. */
  walk(stretch: Stretch): Promise<void>;
}

/** How often to look whether it may go on, in milliseconds. */
const holdLookMs = 1_000;
/** How long to hold before giving up, in milliseconds. */
const longestHoldMs = 600_000;

/** What a walker needs of a run. */
export type WalkContext = Pick<RunContext, "database" | "signal" | "notify">;

/** Makes the walker of a backfill. */
export function createWalker(
  context: WalkContext,
  backfill: Backfill,
  { pace, options }: { readonly pace: Pace; readonly options: PaceOptions },
): Walker {
  const { database, signal, notify } = context;
  const limits: PaceLimits = {
    batchMs: options.batchMs ?? pace.batchMs,
    rest: pace.rest,
    maxLagMs: options.maxLagMs ?? defaultMaxLagMs,
    maxRate: options.maxRate ?? null,
  };
  let size = firstSize;

  async function walk({ from, end, change, save, onBatch, onProgress }: Stretch): Promise<void> {
    let at = from;
    let span = size;
    const lookRest = readRest(database);
    // Where a look bothers nobody, one at all that is left may save the many.
    let mayLookAhead = lookRest === 0;
    while (true) {
      stopIfAsked(signal);
      const began = performance.now();
      const window = await readWindow(database, backfill, { from: at, end, limit: span });
      const lookMs = performance.now() - began;
      if (window === null) return;
      const { last, walked, matching, firstMatching } = window;
      if (matching === 0) {
        if (
          mayLookAhead && !(await hasMatch(database, backfill, { from: { key: last, isAhead: false }, end }))
        ) {
          return;
        }
        mayLookAhead = false;
        span = nextSpan(span, lookMs, limits.batchMs);
        await pace.pause(lookMs * lookRest, signal);
      } else if (walked > size * mostSparse) {
        at = { key: firstMatching, isAhead: true };
        span = size;
        continue;
      } else if (matching > size * 1.5) {
        span = Math.max(1, Math.floor((span * size) / matching));
        continue;
      } else {
        const range = { from: at, end: last };
        const [first = 0] = await database.write([
          ...await change?.(range) ?? [updateWithin(backfill, range)],
          ...save(window),
        ]);
        const changed = change === undefined ? first : matching;
        const density = matching / walked;
        const turn = await rest(changed, (heldMs) => onBatch(window, { rows: changed, heldMs }));
        size = turn.size;
        span = Math.round(Math.min(size / density, size * mostSparse));
      }
      at = { key: last, isAhead: false };
      onProgress({ last, walked, size });
    }
  }

  /** Gives others their turn after a batch, for as long as the database's load asks for. */
  async function rest(rows: number, onHeld: (heldMs: number) => void): Promise<Turn> {
    const began = performance.now();
    const load = await pace.relax();
    onHeld(load.heldMs);
    const turn = nextTurn({ size, rows }, load, limits);
    await pace.pause(turn.pauseMs - (performance.now() - began), signal);
    if (turn.hold !== null) await hold(turn.hold);
    return turn;
  }

  async function hold(reason: string): Promise<void> {
    notify({ kind: "note", text: `backfill ${backfill.table}: waiting, since ${reason}` });
    const began = performance.now();
    for (let still: string | null = reason; still !== null;) {
      stopIfAsked(signal);
      if (performance.now() - began > longestHoldMs) throw heldTooLong(still);
      await sleep(holdLookMs, undefined, { signal }).catch(() => undefined);
      still = nextTurn({ size, rows: 0 }, await pace.relax(), limits).hold;
    }
  }

  function heldTooLong(reason: string): HarborError {
    const state = `for ${longestHoldMs / 60_000} minutes it could not go on, since ${reason}`;
    return new HarborError("busy", `Cannot backfill "${backfill.table}": ${state}`, {
      hint: "Run the same command again when that is over: it goes on where it stopped.",
    });
  }

  return { walk };
}
