import { HarborError } from "./errors.ts";

/** Throws `interrupted` when the user asked to stop. Called between batches. */
export function stopIfAsked(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new HarborError("interrupted", "Stopped on request", {
    hint: "Run the same command again to go on.",
  });
}
