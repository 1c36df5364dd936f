import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import { HarborError } from "../../../base/errors.ts";
import { busyTimeoutMs, execute } from "../connection/open_file.ts";
import type { Fence } from "../lock/lock.ts";
import type { Statements } from "./statements.ts";
import { begin, ofBatch, type SqliteBatch, type Step, transactionOf } from "./transaction.ts";
import { own } from "../connection/statement.ts";

/** Another program holds the write lock, so that nothing has begun. */
export class Busy {
  constructor(readonly error: HarborError) {}
}

/**
 * Repeats what {@link Busy} prevents. SQLite's own waiting would hold up this process, heartbeat and Ctrl-C included.
 *
 * @param longestPauseMs How long to wait at most until the next attempt
 * @returns Also how long the others were in the way: what a busy machine adds to a pause is not their doing
 */
export async function whenFree<T>(
  attempt: () => T | Busy,
  longestPauseMs = 20,
): Promise<{ readonly result: T; readonly waitedMs: number }> {
  const deadline = performance.now() + busyTimeoutMs;
  let waitedMs = 0;
  for (let pauseMs = 2;; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    const result = attempt();
    if (!(result instanceof Busy)) return { result, waitedMs };
    if (performance.now() >= deadline) throw result.error;
    await sleep(pauseMs * (0.5 + Math.random()));
    waitedMs += pauseMs;
  }
}

/** How it went with the steps of a transaction. */
export interface Ran {
  /** When it had the write lock. */
  readonly begun: number;
  /** How long the steps took. */
  readonly ms: number;
}

/** What is done in a transaction when its steps have run. Unless it commits, all of it is rolled back. */
export type Finish<T> = (
  ran: Ran & {
    readonly statements: Statements;
    readonly batch: SqliteBatch;
    readonly closing: readonly Step[];
    /** How many rows each statement of the batch changed. */
    readonly changed: number[];
  },
) => T;

/**
 * Runs a batch in a transaction, when the write lock is free.
 *
 * @param finish Ends it; without a commit of its all is rolled back
 */
export function runTransaction<T>(statements: Statements, batch: SqliteBatch, finish: Finish<T>): T | Busy {
  const { before, after, questions, steps: stepsFor, closing } = transactionOf(batch);
  // Between transactions they are on: see `runAlone` for what a script may do to them.
  const isSwitched = before.text !== after.text;
  if (isSwitched) statements.change(before);
  try {
    const busy = tryBegin(statements);
    if (busy !== undefined) return busy;
    const begun = performance.now();
    try {
      const steps = stepsFor(questions.map((question) => statements.rows(question)));
      const began = performance.now();
      const changed = ofBatch(steps, steps.map((step) => statements.change(step)));
      return finish({ statements, batch, closing, changed, begun, ms: performance.now() - began });
    } finally {
      rollback(statements);
    }
  } finally {
    if (isSwitched) statements.change(after);
  }
}

/**
 * Runs work that decides what it does by what it reads, in a transaction behind the fence.
 *
 * @param work Is told when the write lock was had
 */
export function runWork<T>(
  statements: Statements,
  fence: Fence | undefined,
  work: (begun: number) => T,
): T | Busy {
  // What is copied refers to what the rows refer to that it is a copy of.
  execute(statements.handle, "PRAGMA foreign_keys = OFF");
  try {
    const busy = tryBegin(statements);
    if (busy !== undefined) return busy;
    const begun = performance.now();
    if (fence) statements.change(fence.first);
    const result = work(begun);
    if (fence) statements.change(fence.last);
    statements.change(own("COMMIT"));
    fence?.passed();
    return result;
  } finally {
    rollback(statements);
    execute(statements.handle, "PRAGMA foreign_keys = ON");
  }
}

/** Commits a batch. Returns how many rows each statement changed. */
export function commit({ statements, batch, closing, changed }: Parameters<Finish<unknown>>[0]): number[] {
  for (const step of [...closing, own("COMMIT")]) statements.change(step);
  batch.fence?.passed();
  return changed;
}

/**
 * Commits unless readers are in the way for longer than this process may be held up: SQLite waits without letting
 * anything else run, and one of the readers may be a copy that this process makes.
 */
export function commitSoon(ran: Parameters<Finish<unknown>>[0]): number[] {
  const { handle } = ran.statements;
  execute(handle, `PRAGMA busy_timeout = ${soonMs}`);
  try {
    return commit(ran);
  } finally {
    execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

const soonMs = 100;

function tryBegin({ handle, change }: Statements): Busy | undefined {
  return orBusy(handle, () => void change(begin));
}

/** Runs work that does not wait for others' locks. */
export function orBusy<T>(handle: DatabaseSync, work: () => T): T | Busy {
  execute(handle, "PRAGMA busy_timeout = 0");
  try {
    return work();
  } catch (error) {
    if (error instanceof HarborError && error.code === "busy") return new Busy(error);
    throw error;
  } finally {
    execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

/** After some errors (a full disk) SQLite has rolled back by itself, and after COMMIT there is nothing to roll back. */
function rollback({ handle }: Statements): void {
  if (handle.isTransaction) execute(handle, "ROLLBACK");
}
