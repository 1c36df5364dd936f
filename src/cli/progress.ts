import type { RunEvent } from "../engines/run_context.ts";

/** How far a backfill has come. */
export type Progress = Omit<Extract<RunEvent, { readonly kind: "backfill" }>, "kind">;

/** Returns one line: rows, share, rows per second, the time left, the size of a batch and its longest time. */
export function progressLine(progress: Progress): string {
  const { table, passed, total, batchRows, longestBatchMs, elapsedMs } = progress;
  const perSecond = elapsedMs > 0 ? passed / (elapsedMs / 1_000) : 0;
  const parts = [
    `backfill ${table}: ${grouped(passed)}${total === null ? "" : ` of about ${grouped(total)}`} rows${
      total === null ? "" : ` (${Math.min(100, Math.floor((passed / Math.max(1, total)) * 100))} %)`
    }`,
    `${grouped(Math.round(perSecond))} rows/s`,
    ...(total === null || perSecond === 0
      ? []
      : [`${duration(Math.max(0, total - passed) / perSecond)} left`]),
    `batches of ${grouped(batchRows)}, the longest ${longestBatchMs} ms`,
  ];
  return parts.join(", ");
}

/** Returns one line for a copy: what is being done, how much of it is, the time left. */
export function backupLine(
  { action, share, elapsedMs }: {
    readonly action: string;
    readonly share: number;
    readonly elapsedMs: number;
  },
): string {
  const left = share > 0 ? `, ${duration((elapsedMs / share - elapsedMs) / 1_000)} left` : "";
  return `backup: ${action}, ${Math.floor(share * 100)} %${left}`;
}

/** Returns a whole number with its digits in groups of three: `1 234 567`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** Returns a duration in words: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
