const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a length of time: `90` or `90s` in seconds, `200ms`, `15m`, `26h`, `7d`.
 *
 * @returns Milliseconds; `undefined` when it is none
 */
export function parseDuration(text: string): number | undefined {
  const [, number = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|[smhd])?$/.exec(text.trim()) ?? [];
  return number === "" ? undefined : Number(number) * unitMs[unit]!;
}

/** Returns a length of time in words, to two units: `450 ms`, `3.2 s`, `3 min 20 s`, `26 h`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return two(seconds, [60, "min"], [1, "s"]);
  if (seconds < 172_800) return two(Math.round(seconds / 60) * 60, [3_600, "h"], [60, "min"]);
  return two(Math.round(seconds / 3_600) * 3_600, [86_400, "d"], [3_600, "h"]);
}

type Unit = readonly [seconds: number, name: string];

function two(seconds: number, large: Unit, small: Unit): string {
  const whole = Math.floor(seconds / large[0]);
  const rest = Math.floor((seconds % large[0]) / small[0]);
  return rest === 0 ? `${whole} ${large[1]}` : `${whole} ${large[1]} ${rest} ${small[1]}`;
}

const unitBytes: Readonly<Record<string, number>> = { B: 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/**
 * Reads a number of bytes: `500M`, `2G`, `1.5 GB`, `4096`.
 *
 * @returns `undefined` when it is none
 */
export function parseBytes(text: string): number | undefined {
  const [, number = "", unit = "B"] = /^(\d+(?:\.\d+)?) ?([kMGTB])?B?$/i.exec(text.trim()) ?? [];
  const known = unit.toLowerCase() === "k" ? "k" : unit.toUpperCase();
  return number === "" ? undefined : Math.round(Number(number) * unitBytes[known]!);
}

/** Returns a number of bytes in words: `512 B`, `4.1 kB`, `38 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${size >= 10 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** Returns how many there are of something, in the only form that counts have: `1 row`, `300 022 rows`, `2 batches`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Returns a whole number with spaces between its thousands: `1 000 000`. */
export function formatCount(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
}
