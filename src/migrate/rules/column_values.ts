import type { Column } from "../../schema/snapshot.ts";
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
  const isArray = column.type.endsWith("[]");
  const value = type === undefined ? name : `CAST(${name} AS ${type}${isArray ? "[]" : ""})`;
  return isArray
    ? `EXISTS (SELECT 1 FROM unnest(${value}) AS element WHERE ${condition("element")})`
    : condition(value);
}
