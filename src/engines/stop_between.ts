import { setTimeout as sleep } from "node:timers/promises";
import { stopIfAsked, unheardMs, unlessAsked } from "../base/interrupt.ts";

/** For how long an answer is waited for after the user asked to stop, in milliseconds. */
const lastWordMs = 5_000;

/**
 * Waits for work that changes nothing as `unlessAsked` does, but gives its answer a moment to come after the user asked to stop:
 * what was begun before it is to be told.
 *
 * @throws {HarborError} `interrupted`; what the work throws
 */
export async function untilLastWord<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const asked = () => timer = setTimeout(() => late.abort(signal.reason), lastWordMs);
  signal.addEventListener("abort", asked);
  if (signal.aborted) asked();
  try {
    return await unlessAsked(work, late.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", asked);
  }
}

/**
 * Returns what is called between pieces of work of which many may follow each other in this thread, as a file's answers do: until it
 * rests no signal gets through.
 *
 * @returns Throws `interrupted` when the user asked to stop
 */
export function stopBetween(signal: AbortSignal | undefined): () => Promise<void> {
  let heard = performance.now();
  return async () => {
    if (performance.now() - heard > unheardMs) {
      await sleep(1);
      heard = performance.now();
    }
    stopIfAsked(signal);
  };
}
