import type { Applied } from "../applied.ts";
import type { History } from "../history.ts";

/** Says whether the ledger has to be read to go through a history: what it alone knows is on the way. */
export function needsLedger({ revisions }: History, applied: readonly Applied[]): boolean {
  const known = new Set(revisions.map(({ id }) => id));
  return applied.some((row) => !known.has(row.revision) || isOnItsWayBack(row));
}

/** Whether a downgrade is half done, which goes on by the script with which it began. */
export function isOnItsWayBack({ direction, finishedAt }: Applied): boolean {
  return direction === "downgrade" && finishedAt === null;
}
