import { HarborError } from "../../../base/errors.ts";
import { parseBytes, parseDuration } from "../../../base/quantity.ts";
import { flag, type Option, text, type Values } from "../../../cli/options.ts";
import type { Budgets } from "../../../rehearse/rules/budgets.ts";

/** What is tried before a change, and what the change may cost. */
export const rehearsalOptions = {
  rehearse: flag("--rehearse", "try all of it on a proven copy, say what it would take, and change nothing"),
  maxLock: limit("--max-lock <time>", "refuse, and stop, when a lock keeps others waiting for longer: 200ms"),
  maxTime: limit("--max-time <time>", "the same for all steps together: 10m"),
  maxDisk: {
    flags: "--max-disk <size>",
    summary: "the same for what it takes more on the disk: 2G",
    fallback: undefined,
    parse: (written: string) => {
      const bytes = parseBytes(written);
      if (bytes === undefined) throw new Error("use a number with k, M, G or T, such as 500M or 2G");
      return bytes;
    },
  } as Option<number | undefined>,
  queries: text(
    "--queries <file>",
    "try these statements before and after: a file, a folder, or pg_stat_statements",
  ),
  log: text(
    "--log <file>",
    "with a budget or queries: append forecast and run to this file, which verify appends to as well",
  ),
};

/** Returns what the options allow a run to cost. */
export function budgetsOf(
  { maxLock, maxTime, maxDisk }: Pick<Values<typeof rehearsalOptions>, "maxLock" | "maxTime" | "maxDisk">,
): Budgets {
  return { maxLockMs: maxLock, maxTimeMs: maxTime, maxDiskBytes: maxDisk };
}

/** Whether a run has to be rehearsed first: it may not cost whatever it likes, or queries have to go on working. */
export function isGuarded(options: Values<typeof rehearsalOptions>): boolean {
  return options.queries !== undefined ||
    Object.values(budgetsOf(options)).some((limit) => limit !== undefined);
}

/**
 * Refuses what contradicts a rehearsal.
 *
 * @throws {HarborError} `usage`
 */
export function refuseBeside(
  { rehearse }: Values<typeof rehearsalOptions>,
  { dryRun, sql }: { readonly dryRun: boolean; readonly sql: boolean },
): void {
  const other = dryRun ? "--dry-run" : sql ? "--sql" : null;
  if (!rehearse || other === null) return;
  throw new HarborError("usage", `Cannot take "--rehearse" beside ${other}`, {
    state: "one tries the plan and the other only says it",
    hint: "Leave one of the two out.",
  });
}

function limit(flags: string, summary: string): Option<number | undefined> {
  return {
    flags,
    summary,
    fallback: undefined,
    parse: (written) => {
      // Without a unit one means milliseconds, as the server's lock_timeout does, and another seconds.
      const ms = /[a-z]/.test(written) ? parseDuration(written) : undefined;
      if (ms === undefined) throw new Error("use a number with ms, s, m, h or d, such as 200ms or 10m");
      return ms;
    },
  };
}
