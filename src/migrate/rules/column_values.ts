import type { Column } from "../../schema/snapshot.ts";
import { isArray } from "../../sql/postgres_spelling.ts";
import { quoteName } from "../../sql/quote.ts";

/**
 * Returns a condition that holds for a column where another does for its value, or for one of the values in its array.
 *
 * @param type What the value is read as, where not as what it is
 */
export function conditionOn(
  column: Pick<Column, "name" | "type">,
  condition: (value: string) => string,
  type?: string,
): string {
  const name = quoteName(column.name);
  const isOfArrays = isArray(column.type);
  const value = type === undefined ? name : `CAST(${name} AS ${type}${isOfArrays ? "[]" : ""})`;
  return isOfArrays
    ? `EXISTS (SELECT 1 FROM unnest(${value}) AS element WHERE ${condition("element")})`
    : condition(value);
}
