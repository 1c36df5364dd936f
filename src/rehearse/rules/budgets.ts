import { formatBytes, formatCount, formatDuration } from "../../base/quantity.ts";
import { type Growth, longestLock, type RunFigures, totalOf } from "./figures.ts";

/** What a run may cost; `undefined` for no limit. */
export interface Budgets {
  /** For how long a lock may keep others waiting, in milliseconds. */
  readonly maxLockMs?: number | undefined;
  /** How long all steps together may take, in milliseconds. */
  readonly maxTimeMs?: number | undefined;
  /** By how much the database may grow on the way, in bytes. */
  readonly maxDiskBytes?: number | undefined;
}

/** A budget that is not kept. */
export interface Breach {
  readonly budget: "max-lock" | "max-time" | "max-disk";
  /** The step that breaks it, or has the greatest part; `null` where no step is known. */
  readonly revision: string | null;
  /** In milliseconds or bytes. */
  readonly figure: number;
  readonly allowed: number;
  /** For people. */
  readonly words: string;
}

/**
 * Returns the budgets that a run does not keep. Of a forecast, a budget within the margin of a lock is not kept either: a lock
 * that stays within it on the copy may be held for longer than that on the database.
 */
export function breachesOf(
  run: RunFigures,
  budgets: Budgets,
  { isForecast = false }: { readonly isForecast?: boolean } = {},
): readonly Breach[] {
  return [
    ...lockBreaches(run, { ...budgets, isForecast }),
    ...timeBreaches(run, budgets),
    ...diskBreaches(run, budgets),
  ];
}

function lockBreaches(
  { steps }: RunFigures,
  { maxLockMs, isForecast }: Budgets & { readonly isForecast: boolean },
): readonly Breach[] {
  if (maxLockMs === undefined) return [];
  return steps.flatMap(({ revision, name, locks }): readonly Breach[] => {
    const lock = longestLock(locks);
    if (lock === null || lock.heldMs + (isForecast ? lock.marginMs : 0) <= maxLockMs) return [];
    const on = lock.table === null ? "the database" : lock.table;
    const [figure, allowed] = told(lock.heldMs, maxLockMs, inTime);
    const held = `${figure}${isForecast ? ` (± ${formatDuration(lock.marginMs)})` : ""}`;
    return [{
      budget: "max-lock",
      revision,
      figure: Math.round(lock.heldMs),
      allowed: maxLockMs,
      words:
        `${revision} (${name}) keeps ${lock.blocks} of ${on} waiting for ${held}, and --max-lock allows ${allowed}`,
    }];
  });
}

function timeBreaches({ steps, ms }: RunFigures, { maxTimeMs }: Budgets): readonly Breach[] {
  if (maxTimeMs === undefined || ms <= maxTimeMs) return [];
  const longest = steps.toSorted((a, b) => b.ms - a.ms)[0];
  const most = longest === undefined
    ? ""
    : `, of that ${longest.revision} (${longest.name}) ${formatDuration(longest.ms)}`;
  const [figure, allowed] = told(ms, maxTimeMs, inTime);
  return [{
    budget: "max-time",
    revision: longest?.revision ?? null,
    figure: Math.round(ms),
    allowed: maxTimeMs,
    words: `all takes ${figure}${most}, and --max-time allows ${allowed}`,
  }];
}

function diskBreaches({ steps, growth }: RunFigures, { maxDiskBytes }: Budgets): readonly Breach[] {
  if (maxDiskBytes === undefined || growth === null || totalOf(growth) <= maxDiskBytes) return [];
  const sizeOf = (each: Growth | null) => each === null ? 0 : totalOf(each);
  const largest = steps.toSorted((a, b) => sizeOf(b.growth) - sizeOf(a.growth))[0];
  const most = largest === undefined
    ? ""
    : `, of that ${largest.revision} (${largest.name}) ${formatBytes(sizeOf(largest.growth))}`;
  const [figure, allowed] = told(totalOf(growth), maxDiskBytes, inBytes);
  return [{
    budget: "max-disk",
    revision: largest?.revision ?? null,
    figure: totalOf(growth),
    allowed: maxDiskBytes,
    words: `it takes ${figure} more on the disk${most}, and --max-disk allows ${allowed}`,
  }];
}

interface Unit {
  readonly name: string;
  format(amount: number): string;
}

const inTime: Unit = { name: "ms", format: formatDuration };
const inBytes: Unit = { name: "B", format: formatBytes };

/** Returns a figure and what it goes beyond: to the last unit where they are the same when rounded. */
function told(figure: number, allowed: number, { name, format }: Unit): readonly [string, string] {
  const [more, less] = [format(figure), format(allowed)];
  if (more !== less) return [more, less];
  return [`${formatCount(Math.ceil(figure))} ${name}`, `${formatCount(allowed)} ${name}`];
}
