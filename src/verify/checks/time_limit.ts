import { clearTimeout, setTimeout } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import type { SliceTurns } from "../../engines/inspector.ts";
import { stopIfAsked } from "../../base/interrupt.ts";

/** How long one answer of a server may take before the server counts as dead, in milliseconds. */
const answerMs = 300_000;

/** The time that a run may take. */
export interface Budget extends SliceTurns {
  /**
   * Waits for work that may never end, such as an answer of a server that hangs.
   *
   * @throws {HarborError} `check_failed` when the time is up, `connection_failed` when the work took longer than any
   * answer should, `interrupted` when the user asks to stop. The work itself is left to itself then
   */
  limit<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Does work that stops by itself when the signal that it gets is aborted, and hears how many milliseconds are left.
   *
   * @throws {HarborError} `check_failed` when the time was up
   */
  within<T>(work: (signal: AbortSignal, leftMs: number) => Promise<T>): Promise<T>;
}

/** Starts the clock. */
export function startBudget(totalMs: number, signal: AbortSignal): Budget {
  const end = performance.now() + totalMs;

  return {
    async next() {
      stopIfAsked(signal);
      if (performance.now() >= end) throw timeUp(totalMs);
      // Signals and timers have their turn; SQLite itself does not give it to them, and Deno hears of no signal while one
      // `setImmediate` follows the other.
      await sleep(1);
    },
    async limit(work) {
      stopIfAsked(signal);
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw timeUp(totalMs);
      const patience = new AbortController();
      const stop = AbortSignal.any([signal, patience.signal]);
      const tooLong = sleep(Math.min(leftMs, answerMs), undefined, { signal: stop }).then(
        () => {
          throw leftMs <= answerMs ? timeUp(totalMs) : noAnswer();
        },
        () => stopIfAsked(signal),
      );
      try {
        return await Promise.race([work(), tooLong.then(() => new Promise<never>(() => {}))]);
      } finally {
        patience.abort();
      }
    },
    async within(work) {
      const patience = new AbortController();
      const leftMs = Math.max(0, end - performance.now());
      const timer = setTimeout(() => patience.abort(), leftMs);
      try {
        return await work(AbortSignal.any([signal, patience.signal]), leftMs);
      } catch (error) {
        throw patience.signal.aborted && !signal.aborted ? timeUp(totalMs) : error;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Whether an error says that the time is up. */
export function isTimeUp(error: unknown): error is HarborError {
  return error instanceof HarborError && error.details.timeUp === true;
}

/** Returns the database with a limit on each answer. After one that did not come, it is not asked again. */
export function limitDatabase(database: Database, budget: Budget): Database {
  let dead: unknown;
  const limit = async <T>(work: () => Promise<T>): Promise<T> => {
    if (dead !== undefined) throw dead;
    let isSettled = false;
    try {
      return await budget.limit(() => work().finally(() => isSettled = true));
    } catch (error) {
      // What is still under way keeps the connection: nothing else can be asked on it.
      if (!isSettled) dead = error;
      throw error;
    }
  };
  return {
    ...database,
    read: <Row>(statement: Parameters<Database["read"]>[0]) => limit(() => database.read<Row>(statement)),
    lockHolder: () => limit(() => database.lockHolder()),
    home: () => limit(() => database.home()),
    introspect: (only) => limit(() => database.introspect(only)),
  };
}

function timeUp(totalMs: number): HarborError {
  return new HarborError(
    "check_failed",
    'Cannot finish "verify"',
    {
      state: `the ${totalMs / 1_000} s that it may take are over`,
      hint: "Give it more time: --max-duration; or check less: --skip, --quick.",
      details: { timeUp: true },
    },
  );
}

function noAnswer(): HarborError {
  return new HarborError(
    "connection_failed",
    'Cannot finish "verify"',
    {
      state: `the server has not answered for ${answerMs / 1_000} s`,
      hint: "Look whether the server is alive and who holds a lock on its tables.",
    },
  );
}
