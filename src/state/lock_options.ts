import type { LockOptions } from "../engines/database.ts";
import type { RunContext } from "../engines/run_context.ts";

/** Returns how a verb waits for the lock: so many milliseconds, saying once for whom, until the user asks to stop. */
export function lockOptions({ signal, notify }: RunContext, waitMs: number): LockOptions {
  return {
    waitMs,
    signal,
    onWait: (holder) => notify({ kind: "waiting", owner: holder?.owner ?? "another program" }),
  };
}
