import { setTimeout as sleep } from "node:timers/promises";
import { stopIfAsked, unheardMs } from "../base/interrupt.ts";

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
