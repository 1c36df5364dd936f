import type { Database } from "../engines/database.ts";
import type { Kept } from "../engines/kept_table.ts";
import { hasRows } from "./count_rows.ts";

/**
 * Returns of what is kept that of which nothing is there: a run that was killed left its side table. How many rows there are is on
 * record only once all of them are, so that the side table itself is asked.
 */
export async function findEmpty(database: Database, all: readonly Kept[]): Promise<readonly Kept[]> {
  const empty: Kept[] = [];
  for (const kept of all) {
    const isNoneOnRecord = kept.state === "kept" && kept.rows === 0;
    if (isNoneOnRecord && await hasRows(database, kept.sideTable) === false) empty.push(kept);
  }
  return empty;
}
