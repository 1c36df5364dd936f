import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../base/errors.ts";
import { type Blocker, describeBlocker, watchBlockers, type WatchOptions } from "./blockers.ts";

/** How long to stand other sessions in the way, in milliseconds. */
export interface Contention extends Omit<WatchOptions, "afterMs"> {
  /** Of one wait at most, after which the server gives up (`lock_timeout`). */
  readonly lockTimeoutMs: number;
  /**
   * Whether the first waits are shorter: for locks behind which everybody queues. A wait is as long as the pause that
   * follows it, so that others are held up for half of the time at most.
   */
  readonly isGentle: boolean;
  /** Of all together; 0 tries once. */
  readonly totalMs: number;
}

/** lock_not_available, deadlock_detected, serialization_failure: rolled back because of others. */
const worthRepeating: ReadonlySet<unknown> = new Set(["55P03", "40P01", "40001"]);

const firstPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Runs `attempt`, with how long it may wait, again when others were in the way, with growing pauses in which those who wait behind it get
 * through. An attempt that failed must have left nothing behind.
 *
 * @throws {HarborError} `busy`, naming who was in the way, when they still are after `totalMs`
 */
export async function despiteOthers<T>(
  attempt: (waitMs: number) => Promise<T>,
  contention: Contention,
): Promise<T> {
  const { lockTimeoutMs, isGentle, totalMs, ...watched } = contention;
  const started = performance.now();
  // One for all attempts: while it connects, a short one may be over.
  const watch = watchBlockers({ ...watched, afterMs: lockTimeoutMs / 2 });
  try {
    for (let pauseMs = firstPauseMs;; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return await attempt(isGentle ? Math.min(lockTimeoutMs, pauseMs) : lockTimeoutMs);
      } catch (error) {
        if (!(error instanceof HarborError) || !worthRepeating.has(error.details.sqlState)) throw error;
        const waitedMs = performance.now() - started;
        if (waitedMs + pauseMs > totalMs) {
          throw error.code === "busy" ? busyError(error, { blockers: watch.seen(), waitedMs }) : error;
        }
      }
      await sleep(pauseMs * (1 + Math.random() / 2));
    }
  } finally {
    await watch.stop();
  }
}

function busyError(
  error: HarborError,
  { blockers, waitedMs }: { readonly blockers: readonly Blocker[]; readonly waitedMs: number },
): HarborError {
  const who = blockers.map(describeBlocker).join(", ") || "other sessions";
  const state = `in the way for ${Math.ceil(waitedMs / 1000)} s: ${who}`;
  const pids = blockers.filter(({ pid }) => pid > 0).map(({ pid }) => `SELECT pg_terminate_backend(${pid})`);
  return error.with({
    code: "busy",
    state,
    hint: "Run the command again when they have ended" +
      (pids.length === 0 ? "." : `, or end them: ${pids.join("; ")}`),
    details: { blockers, waitedMs: Math.round(waitedMs) },
  });
}
