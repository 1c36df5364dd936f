import { HarborError } from "./errors.ts";

/** What tells a piece of work that the user asked to stop. */
export type Stopping = Pick<AbortSignal, "aborted">;

/** Throws `interrupted` when the user asked to stop; called between two pieces of a copy. */
export function stopBackupIfAsked(signal: Stopping): void {
  if (signal.aborted) throw stoppedBackup();
}

/** Returns the error for a backup that the user asked to stop. */
export function stoppedBackup(): HarborError {
  return new HarborError("interrupted", "Stopped on request: the database is as it was", {
    hint: "What was written of the copy is removed.",
  });
}
