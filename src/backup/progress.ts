import type { OnProgress } from "../engines/backup_engine.ts";
import type { RunContext } from "../engines/run_context.ts";

/** Returns what tells the user how far a piece of work is that begins now. */
export function progressOf({ notify, now }: Pick<RunContext, "notify" | "now">, action: string): OnProgress {
  const startedAt = now().getTime();
  return (share) => notify({ kind: "backup", action, share, elapsedMs: now().getTime() - startedAt });
}
