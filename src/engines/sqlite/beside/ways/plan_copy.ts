import { affinityOf } from "../../../../sql/affinity.ts";
import { foldName, isSameName } from "../../../../base/fold_name.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { foldedName, tokensOf } from "../../../../sql/cursor.ts";
import type { HandOver } from "../../../beside.ts";
import type { Copy } from "./copy.ts";
import { exchange, type Texts, textsAs } from "../mirror/exchange.ts";
import { mirrorName } from "../mirror/mirror.ts";
import type { Shadow } from "../mirror/shadow.ts";
import { readSourceTable, rowidOf, type Rows } from "../form/source_table.ts";
import { type IndexForm, rowIdColumn, type TableForm } from "../form/table.ts";
import { isTaken } from "../script/values_behind.ts";

/** How a table is handed over whose place a copy takes. */
type Handed = Pick<HandOver, "name" | "results">;

/**
 * Returns the mirror that becomes the copy, and exchanges places with the table; `null` where the table is another one by now.
 *
 * @param handOver `null`: the old table goes
 */
export function planCopy(
  rows: Rows,
  id: number,
  { copy, handOver }: { readonly copy: Copy; readonly handOver: Handed | null },
): Shadow | null {
  const { before, after, to, values } = copy;
  const source = readSourceTable(rows, before.name);
  const target = mirrorName(id);
  const made = textsAs(to, after.name, target);
  const isKnown = source !== null && source.sql === before.sql;
  const oldName = handOver?.name ?? target;
  const old = oldTexts(copy, { name: oldName, results: handOver?.results ?? [] });
  const moved = before.indexes.filter((index) => isMoved(index, { before, after, values }));
  if (!isKnown || made === null || old === null) return null;
  const alias = rowIdColumn(after);
  const stored = after.columns.filter(({ name, generated }) =>
    generated === null && foldName(name) !== alias
  );
  const rowId = alias ?? rowidOf(after);
  if (rowId === "") return null;
  const columns = stored.flatMap(({ name, type }) => {
    const value = values.get(foldName(name));
    if (value === undefined) return [];
    const origin = before.columns.find((column) => isSameName("sqlite", column.name, name));
    const affinity = affinityOf(type);
    const isTakenOver = isTaken(name, values) && origin !== undefined && affinityOf(origin.type) === affinity;
    // Without an affinity every value is held as it is; a real number is one already.
    const isAsItIs = isTakenOver || affinity === "blob" || affinity === "real";
    return [{ name, from: value, isConverted: !isAsItIs }];
  });
  return {
    id,
    source,
    columns,
    rowId: quoteName(rowId),
    where: null,
    name: "copy",
    make: [
      made.table,
      ...made.indexes.filter(({ name }) => !moved.some((index) => index.name === name)).map(({ sql }) => sql),
    ],
    put: (file) => exchange(file, { target, oldName, after, made, old, moved }),
  };
}

/**
 * Returns the texts of the old table under another name; where it is handed over with what becomes of its values, each of these
 * columns has another name, and beside it is one that works out what the new table has of it.
 */
export function oldTexts({ before, from, values }: Copy, { name, results }: Handed): Texts | null {
  const table = quoteName(before.name);
  const type = before.isStrict ? " ANY" : "";
  const handed = from.after([
    ...results.map(({ column, became }) =>
      `ALTER TABLE ${table} ADD COLUMN ${quoteName(became)}${type} AS (${values.get(foldName(column))}\n)`
    ),
    ...results.map(({ origin, was }) =>
      `ALTER TABLE ${table} RENAME COLUMN ${quoteName(origin)} TO ${quoteName(was)}`
    ),
  ]);
  return handed && textsAs(handed, before.name, name);
}

/**
 * Whether an index serves the copy as it is. It holds the values of its key and the row ids, and nothing of where the rows lie:
 * so where both are the same in the copy, building it anew would only take time, most of all that of many pages written here and
 * there.
 * Source: https://www.sqlite.org/fileformat.html#representation_of_sql_indices
 */
function isMoved(
  index: IndexForm,
  { before, after, values }: Pick<Copy, "before" | "after" | "values">,
): boolean {
  const made = after.indexes.find(({ name }) => name === index.name);
  const keyOf = ({ isUnique, parts, where }: IndexForm) => JSON.stringify([isUnique, parts, where]);
  if (made === undefined || keyOf(made) !== keyOf(index)) return false;
  const names = new Set(
    [index, made].flatMap(({ sql }) => tokensOf(sql, "sqlite").map((token) => foldedName(token, "sqlite"))),
  );
  const named = ({ columns }: TableForm) =>
    columns.filter(({ name }) => names.has(foldName(name))).map((column) => [
      foldName(column.name),
      column.type,
      column.collation,
      column.key,
      // What is worked out, or is not taken over, may be another value.
      column.generated === null && isTaken(column.name, values),
    ]);
  const [was, is] = [before, after].map((table) => named(table).toSorted());
  return is!.every((column) => column.at(-1) === true) && JSON.stringify(was) === JSON.stringify(is);
}
