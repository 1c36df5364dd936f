import { foldName } from "../../../../base/fold_name.ts";
import type { Backfill } from "../../../../history/scripts/statement.ts";
import { foldedName, tokensOf } from "../../../../sql/cursor.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { rowidOf } from "../form/source_table.ts";
import { isInKey, type TableForm } from "../form/table.ts";
import type { DefinitionChange } from "./change.ts";

/** Returns what writes anew, as they are, the rows that the guards fill, and those with what the old text implies; `null` without any. */
export function rewriteOf({ before, after, fills, short }: DefinitionChange): Backfill | null {
  const conditions = [
    ...fills.map(({ column }) => `${quoteName(column)} IS NULL`),
    ...short === null ? [] : [`(${short})`],
  ];
  if (conditions.length === 0) return null;
  const same = quoteName(looseColumn(before));
  return {
    kind: "backfill",
    table: after.name,
    key: rowidOf(after),
    update: `UPDATE ${quoteName(after.name)} SET ${same} = ${same}`,
    condition: conditions.join(" OR "),
  };
}

/**
 * Returns the column by which a row is written anew as it is. Where nothing else of the table names it, no index and no reference
 * is gone through for that, and SQLite leaves alone a page on which nothing becomes another: of a key, a row would go and come in
 * every index, which takes thirty times as long. Where each is named somewhere, it is the first.
 */
function looseColumn(table: TableForm): string {
  const { columns, indexes, references } = table;
  const stored = columns.filter(({ generated }) => generated === null);
  const texts = [...indexes.map(({ sql }) => sql), ...columns.flatMap(({ generated }) => generated ?? [])];
  const named = new Set([
    ...texts.flatMap((text) => tokensOf(text, "sqlite").map((token) => foldedName(token, "sqlite"))),
    ...references.flatMap(({ columns }) => columns.map((name) => foldName(name))),
  ]);
  return (stored.find((column) => !named.has(foldName(column.name)) && !isInKey(table, column)) ?? stored[0]!)
    .name;
}
