import type { Reason, Verdict } from "./may_run.ts";

/** Says why a release may not run, as a sentence without its end. */
export function reasonText({ kind, table, column }: Reason): string {
  switch (kind) {
    case "missing table":
      return `table ${table} is missing`;
    case "missing column":
      return `${table}.${column} is missing`;
    case "value needed":
      return `${table}.${column} needs a value that it does not insert`;
    case "generated":
      return `${table}.${column} is generated, and it writes there`;
  }
}

/** A few releases that may not run for the same first reason. */
export interface Stopped {
  readonly releases: readonly string[];
  /** In words. */
  readonly reason: string;
}

/** Returns the releases that may not run, together where the first reason is the same. */
export function stoppedReleases(verdicts: readonly Verdict[]): readonly Stopped[] {
  const byReason = new Map<string, string[]>();
  for (const { release, reasons: [first] } of verdicts) {
    if (first === undefined) continue;
    const text = reasonText(first);
    byReason.set(text, [...byReason.get(text) ?? [], release]);
  }
  return [...byReason].map(([reason, releases]) => ({ releases, reason }));
}

/** Says of each release whether it may run: one line of those that may, and one for each reason of the others. */
export function verdictLines(verdicts: readonly Verdict[]): readonly string[] {
  const running = verdicts.filter(({ mayRun }) => mayRun).map(({ release }) => release);
  return [
    running.length === 0 ? "none may run" : `${running.join(", ")} may run`,
    ...stoppedReleases(verdicts).map(({ releases, reason }) => `not ${releases.join(", ")}: ${reason}`),
  ];
}
