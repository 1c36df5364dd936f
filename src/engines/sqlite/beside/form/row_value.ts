import { tokensOf } from "../../../../sql/cursor.ts";
import { replaceColumns } from "../../../../sql/expression_columns.ts";
import { nameOf } from "../../../../sql/lexer.ts";
import { quoteName } from "../../../../sql/quote.ts";
import type { Replica } from "./replica.ts";
import type { TableForm } from "./table.ts";

/** What SQLite takes for steady as long as no text says 'now', and a column's may. */
const times = /^(?:date|time|datetime|julianday|unixepoch|strftime|timediff)$/i;

/**
 * Returns an expression over the columns of a row, by their bare names, that has the same value whenever it is worked out of the
 * same row; `null` of one that asks for other rows, for chance, the time or the connection, or calls what SQLite does not have itself.
 *
 * SQLite says so: an index may be made of no other.
 * Source: https://www.sqlite.org/expridx.html
 */
export function rowValue(replica: Replica, { name, columns }: TableForm, value: string): string | null {
  const tokens = tokensOf(value, "sqlite");
  if (tokens.some((token, at) => tokens[at + 1]?.text === "(" && times.test(nameOf(token) ?? ""))) {
    return null;
  }
  const bare = replaceColumns(
    value,
    new Map(columns.map((column) => [column.name, quoteName(column.name)])),
    "sqlite",
  );
  const probe = "harbor_beside_probe";
  // A line break ends a comment that a text may end with.
  const isSteady = replica.run([`CREATE INDEX ${probe} ON ${quoteName(name)} (((${bare}\n) IS NULL))`]);
  replica.run([`DROP INDEX IF EXISTS ${probe}`]);
  return isSteady ? bare : null;
}
