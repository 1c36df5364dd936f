import { formatCount, formatDuration } from "../../base/quantity.ts";

/** Returns `22 Nov 2025, 16:05 UTC`. */
export function showTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const clock = time.toISOString().slice(11, 16);
  return `${time.getUTCDate()} ${months[time.getUTCMonth()]} ${time.getUTCFullYear()}, ${clock} UTC`;
}

/**
 * Returns how long before the check something was: `14 h 5 min before the check`. The page may be read the day after, and
 * "ago" would then be wrong.
 */
export function showAge(iso: string, checkedAt: string): string {
  const ms = Math.max(0, Date.parse(checkedAt) - Date.parse(iso));
  return `${formatDuration(ms)} before the check`;
}

/** Returns `1 row`, `2 rows`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
