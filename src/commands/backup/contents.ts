import { readPosition } from "../../backup/position.ts";
import { counted } from "../../base/quantity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { countRows } from "../../state/count_rows.ts";
import { positionText } from "./output.ts";

/**
 * Says what a database holds, for the question whether it may go: `at 5b09ebe23c76, 120 rows in 3 tables`. Counts the
 * rows of every table.
 *
 * @returns `null` when there is nothing in it
 */
export async function describeContents(context: RunContext): Promise<string | null> {
  const { database } = context;
  const { tables, others } = await database.introspect();
  if (tables.length === 0 && others.length === 0) return null;
  const counts = await Promise.all(tables.map(({ name }) => countRows(database, name)));
  return `at ${positionText(await readPosition(context))}, ${rowsText(counts)} in ${
    counted(tables.length, "table")
  }`;
}

/** Says how many rows there are: `120 rows`; of what could not be counted that it could not be. */
export function rowsText(counts: readonly (number | null)[]): string {
  const sum = counts.reduce((total, count) => total === null || count === null ? null : total + count, 0);
  return sum === null ? "rows that this user may not count" : counted(sum, "row");
}
