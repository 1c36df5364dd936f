import { HarborError } from "./errors.ts";

/** Throws `interrupted` when the user asked to stop; called between two pieces of a copy. */
export function stopBackupIfAsked(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new HarborError("interrupted", "Stopped on request: the database is as it was", {
    hint: "What was written of the copy is removed.",
  });
}
