import { HarborError } from "./errors.ts";

/** For how long nothing may be heard of signals, in milliseconds. */
export const unheardMs = 20;

/**
 * Throws `interrupted` when the user asked to stop, and the reason itself where that is an error of ours. Called between
 * batches.
 */
export function stopIfAsked(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof HarborError) throw signal.reason;
  throw new HarborError("interrupted", "Stopped on request", {
    hint: "Run the same command again to go on.",
  });
}
