import { counted, formatCount, formatDuration } from "../../base/quantity.ts";
import type { RunEvent } from "../../engines/run_context.ts";

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
  // Of what cannot tell for a while how far it is, the time shows that it goes on.
  const since = elapsedMs < 1_000 ? "" : ` in ${seconds(elapsedMs)}`;
  return [`${work}: ${action}, ${percent(share)}${since}`, ...timeLeft(share, elapsedMs)];
}

/** What is not at its end is not shown as if it were. */
function percent(share: number): string {
  return `${Math.min(99, Math.floor(share * 100))} %`;
}

function timeLeft(share: number, elapsedMs: number): readonly string[] {
  if (share <= 0 || elapsedMs < 1_000) return [];
  return [`${seconds(elapsedMs / share - elapsedMs)} left`];
}

/** Whole ones, of which at least one. */
function seconds(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms / 1_000));
  return whole < 60 ? `${whole} s` : formatDuration(whole * 1_000);
}
