import { parseDuration } from "../base/quantity.ts";
import type { Option } from "./options.ts";

/** Makes an option that takes a length of time, as `90s`, `15m`, `26h` or `7d`; its value is in milliseconds. */
export function duration(flags: string, summary: string, fallbackMs: number): Option<number> {
  return {
    flags,
    summary,
    fallback: fallbackMs,
    parse: (text) => {
      const ms = parseDuration(text);
      if (ms === undefined) throw new Error("use a number with s, m, h or d, such as 90s or 26h");
      return ms;
    },
  };
}
