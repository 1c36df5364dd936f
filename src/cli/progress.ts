/** How far a long piece of work has come. */
export interface Progress {
  readonly table: string;
  readonly passed: number;
  readonly total: number;
  readonly elapsedMs: number;
}

/** Returns one line: rows, share, rows per second and the time left. */
export function progressLine({ table, passed, total, elapsedMs }: Progress): string {
  const perSecond = elapsedMs > 0 ? passed / (elapsedMs / 1_000) : 0;
  const left = perSecond > 0 ? Math.max(0, total - passed) / perSecond : null;
  const share = total > 0 ? Math.min(100, Math.floor((passed / total) * 100)) : 100;
  const parts = [
    `backfill ${table}: ${grouped(passed)} of ${grouped(total)} rows (${share} %)`,
    `${grouped(Math.round(perSecond))} rows/s`,
    ...(left === null ? [] : [`${duration(left)} left`]),
  ];
  return parts.join(", ");
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
