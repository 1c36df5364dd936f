import type { KitIndexColumn } from "../../../../schema/kit_snapshot.ts";
import type { SchemaChange } from "../../change/stages.ts";
import { tablesByName } from "../../change/renames.ts";

/**
 * Returns a statement that makes an index with the order of its columns. drizzle-kit writes none, neither DESC nor where NULLs
 * come, for a column that has an operator class.
 */
export function withIndexOrder(sql: string, { to }: Pick<SchemaChange, "to">): string {
  const [, name = "", table = ""] = /^CREATE (?:UNIQUE )?INDEX "([^"]+)" ON "([^"]+)"/.exec(sql) ?? [];
  const columns = Object.values(tablesByName(to).get(table)?.indexes ?? {})
    .find((index) => index.name === name)?.columns.filter((column) => typeof column !== "string") ?? [];
  if (columns.every(({ opclass }) => !opclass)) return sql;
  const said = `(${
    columns.map((column) => column.opclass ? bare(column) : bare(column) + orderOf(column)).join(",")
  })`;
  const whole = `(${columns.map((column) => bare(column) + orderOf(column)).join(",")})`;
  return sql.replace(said, () => whole);
}

function bare({ expression, isExpression, opclass }: KitIndexColumn): string {
  return `${isExpression ? expression : `"${expression}"`}${opclass ? ` ${opclass}` : ""}`;
}

/** Returns an order as drizzle-kit writes it. */
function orderOf({ asc = true, nulls = "last" }: KitIndexColumn): string {
  const direction = asc ? "" : " DESC";
  return asc && nulls === "last" ? direction : `${direction} NULLS ${nulls.toUpperCase()}`;
}
