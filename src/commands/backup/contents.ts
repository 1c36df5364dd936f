import { readPosition } from "../../backup/position.ts";
import { counted } from "../../base/quantity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { countRows, countText, sumOf } from "../../state/count_rows.ts";
import { positionText } from "./output.ts";

/**
 * Says what a database holds, for the question whether it may go: `at 5b09ebe23c76, 120 rows in 3 tables`. Counts the
 * rows of every table, but of no large one all.
 *
 * @returns `null` when there is nothing in it
 */
export async function describeContents(context: RunContext): Promise<string | null> {
  const { database } = context;
  const { tables, others } = await database.introspect();
  if (tables.length === 0 && others.length === 0) return null;
  const counts = await Promise.all(tables.map(({ name }) => countRows(database, name)));
  const sum = sumOf(counts.map((count) => count?.[0] ?? null));
  return `at ${positionText(await readPosition(context))}, ${countText(sum)} in ${
    counted(tables.length, "table")
  }`;
}
