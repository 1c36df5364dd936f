import { counted, formatCount, formatDuration } from "../base/quantity.ts";
import type { RunEvent } from "../engines/run_context.ts";

type Kind<K extends RunEvent["kind"]> = Omit<Extract<RunEvent, { readonly kind: K }>, "kind">;

/** Says how far a backfill has come, what matters most first: what does not fit a terminal is left out from the end. */
export function backfillParts(
  { table, share, passed, batchRows, longestBatchMs, elapsedMs }: Kind<"backfill">,
): readonly string[] {
  const perSecond = elapsedMs > 0 ? Math.round(passed / (elapsedMs / 1_000)) : 0;
  return [
    `backfill ${table}${share === null ? "" : `: ${percent(share)}`}`,
    ...timeLeft(share ?? 0, elapsedMs),
    counted(passed, "row"),
    `${formatCount(perSecond)} rows/s`,
    `batches of ${formatCount(batchRows)}, the longest ${longestBatchMs} ms`,
  ];
}

/** Says how far a piece of work is whose whole is known. */
export function shareParts({ work, action, share, elapsedMs }: Kind<"share">): readonly string[] {
  return [`${work}: ${action}, ${percent(share)}`, ...timeLeft(share, elapsedMs)];
}

/** What is not at its end is not shown as if it were. */
function percent(share: number): string {
  return `${Math.min(99, Math.floor(share * 100))} %`;
}

function timeLeft(share: number, elapsedMs: number): readonly string[] {
  if (share <= 0 || elapsedMs < 1_000) return [];
  const seconds = Math.max(1, Math.ceil((elapsedMs / share - elapsedMs) / 1_000));
  return [`${seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1_000)} left`];
}
