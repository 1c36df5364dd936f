import { formatCount, formatDuration } from "../../base/quantity.ts";

/** Returns `22 Nov 2025, 16:05 UTC`. */
export function showTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const clock = time.toISOString().slice(11, 16);
  return `${time.getUTCDate()} ${months[time.getUTCMonth()]} ${time.getUTCFullYear()}, ${clock} UTC`;
}

/** Returns how long before `now` something was: `14 h 5 min ago`. */
export function showAge(iso: string, now: string): string {
  const ms = Date.parse(now) - Date.parse(iso);
  return ms < 1_000 ? "just now" : `${formatDuration(ms)} ago`;
}

/** Returns `1 row`, `2 rows`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
