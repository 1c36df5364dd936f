import { replaceColumns } from "../../../../sql/expression_columns.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { readGenerated } from "../../ddl.ts";
import { columnsNamed, type SourceColumn, type SourceTable } from "./source_table.ts";

/**
 * Returns what a column of a trigger's NEW has by the time REPLACE looks for conflicts: before that it puts the default in the place of
 * a NULL that may not be, and works out anew what is generated of it.
 */
export function newValue(
  { sql, columns }: Pick<SourceTable, "sql" | "columns">,
  { name, notnull, dflt_value: otherwise }: SourceColumn,
): string {
  const own = `NEW.${quoteName(name)}`;
  const generated = readGenerated(sql).get(name);
  if (generated === undefined) {
    return notnull !== 0 && otherwise !== null ? `coalesce(${own}, ${otherwise})` : own;
  }
  const text = generated.slice(generated.indexOf("(") + 1, generated.lastIndexOf(")"));
  // A function may be called as a column is, which no column is made of in a circle.
  const others = columns.filter((column) => column.name !== name);
  const values = new Map(
    columnsNamed(text, others).map((column) => [column.name, newValue({ sql, columns: others }, column)]),
  );
  const isAsItIs = [...values].every(([column, value]) => value === `NEW.${quoteName(column)}`);
  return isAsItIs ? own : `(${replaceColumns(text, values, "sqlite")})`;
}
