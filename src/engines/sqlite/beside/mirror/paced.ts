import { setTimeout as sleep } from "node:timers/promises";
import { stopIfAsked } from "../../../../base/interrupt.ts";
import { HarborError } from "../../../../base/errors.ts";
import { defaultMaxLagMs, firstSize, nextTurn, type PaceLimits } from "../../../pace.ts";
import type { BesideTask } from "../../../beside.ts";
import type { BesideFile } from "../../database.ts";

/** How often to look whether it may go on, in milliseconds. */
const holdLookMs = 1_000;
/** How long to hold before giving up, in milliseconds. */
const longestHoldMs = 600_000;

/** What the one who asked for a change hears and may say meanwhile. */
export type BesideContext = Pick<BesideTask, "signal" | "doing">;

/** Runs batches at a pace that the application does not notice. */
export interface PacedRun {
  /**
   * Runs a batch again and again until it says that there is no more.
   *
   * @param batch Is given the most rows that it may change, and returns how many it did; `null` when there are no more
   */
  repeat(batch: (size: number) => Promise<number | null>): Promise<void>;
}

/**
 * Starts a run of batches. What it learned about the pace holds from one kind of batch to the next.
 *
 * @param what What is done, for people: `building index a`
 */
export async function startPaced(file: BesideFile, context: BesideContext, what: string): Promise<PacedRun> {
  const { signal, doing } = context;
  const pace = await file.pace();
  const limits: PaceLimits = {
    batchMs: pace.batchMs,
    rest: pace.rest,
    maxLagMs: defaultMaxLagMs,
    maxRate: null,
  };
  let size = firstSize;

  async function repeat(batch: (size: number) => Promise<number | null>): Promise<void> {
    for (;;) {
      stopIfAsked(signal);
      const rows = await batch(size);
      if (rows === null) return;
      const began = performance.now();
      const turn = nextTurn({ size, rows }, await pace.relax(), limits);
      size = turn.size;
      await pace.pause(turn.pauseMs - (performance.now() - began), signal);
      if (turn.hold !== null) await hold(turn.hold);
    }
  }

  async function hold(reason: string): Promise<void> {
    doing(`${what}: waiting, since ${reason}`);
    const began = performance.now();
    for (let still: string | null = reason; still !== null;) {
      stopIfAsked(signal);
      if (performance.now() - began > longestHoldMs) {
        throw new HarborError("busy", `Cannot go on ${what}`, {
          state: `for ${longestHoldMs / 60_000} minutes it had to wait, since ${still}`,
          hint: "Run the same command again when that is over: it goes on where it stopped.",
        });
      }
      await sleep(holdLookMs, undefined, { signal }).catch(() => undefined);
      still = nextTurn({ size, rows: 0 }, await pace.relax(), limits).hold;
    }
  }

  return { repeat };
}
