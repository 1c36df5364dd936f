import { parseDuration } from "../base/quantity.ts";
import type { Option } from "./options.ts";

/**
 * Makes an option that takes a length of time, as `90s`, `15m`, `26h` or `7d`; its value is in milliseconds. Its help
 * ends with what stands for it when it is left out.
 */
export function duration(flags: string, summary: string, fallbackMs: number): Option<number> {
  return {
    flags,
    summary: `${summary} (${written(fallbackMs)})`,
    fallback: fallbackMs,
    parse: (text) => {
      const ms = parseDuration(text);
      if (ms === undefined) throw new Error("use a number with s, m, h or d, such as 90s or 26h");
      return ms;
    },
  };
}

/** Returns whole hours or minutes as the option takes them. */
function written(ms: number): string {
  const minutes = ms / 60_000;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}
