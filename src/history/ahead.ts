import type { History, Revision } from "./history.ts";

/** What a database has and the history does not: a newer release applied it, or another branch. */
export interface Ahead {
  /** In order; one at least. */
  readonly revisions: readonly [Revision, ...Revision[]];
  /** Where a downgrade past all of them leads: the last revision before them, or `base`. */
  readonly known: string;
}

/** Returns what of a history only the database's ledger knows; `null` when the history has all that the database has. */
export function aheadOf({ revisions }: Pick<History, "revisions">): Ahead | null {
  const [first, ...others] = revisions.filter(({ ledger }) => ledger !== undefined);
  if (first === undefined) return null;
  return { revisions: [first, ...others], known: revisions[revisions.indexOf(first) - 1]?.id ?? "base" };
}
