import type { OnProgress } from "./engine.ts";
import type { RunContext } from "../run_context.ts";

/** A piece of work in parts that follow each other. */
export interface Meter {
  /**
   * Begins a part, which is said at once, and returns what tells how far it is.
   * @param until How much of the whole work is done when it ends, from 0 to 1
   */
  part(action: string, until: number): OnProgress;
}

/**
 * Returns what tells the user how far a piece of work is that begins now.
 * @param work `backup`
 */
export function startMeter({ notify, now }: Pick<RunContext, "notify" | "now">, work: string): Meter {
  const startedAt = now().getTime();
  let end = 0;
  let most = 0;
  return {
    part(action, until) {
      const begin = end;
      end = until;
      const tell = (share: number) => {
        most = Math.max(most, begin + share * (until - begin));
        notify({ kind: "share", work, action, share: most, elapsedMs: now().getTime() - startedAt });
      };
      tell(0);
      return tell;
    },
  };
}
