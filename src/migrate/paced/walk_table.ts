import type { Backfill } from "../../history/scripts/statement.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Stretch } from "./backfill_walk.ts";

/** Returns what walks all rows of a table by a key of theirs, with a change of the stretch's own. */
export function allRows(table: string, key: string): Backfill {
  return { kind: "backfill", table, key, update: "", condition: null };
}

/**
 * Returns what tells how far walks over a table have come, from now on.
 *
 * @param rows How many rows they go over; `null` where nobody counted them
 */
export function tellProgress(
  notify: RunContext["notify"],
  table: string,
  rows: number | null = null,
): Pick<Stretch, "onBatch" | "onProgress"> {
  const startedAt = performance.now();
  let passed = 0;
  let longestBatchMs = 0;
  return {
    onBatch: (_, { heldMs }) => longestBatchMs = Math.max(longestBatchMs, Math.round(heldMs)),
    onProgress: ({ walked, size }) => {
      passed += walked;
      const share = rows === null || rows === 0 ? null : Math.min(1, passed / rows);
      const elapsedMs = performance.now() - startedAt;
      notify({ kind: "backfill", table, passed, share, batchRows: size, longestBatchMs, elapsedMs });
    },
  };
}
