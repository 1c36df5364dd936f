import { affinityOf } from "../../../../sql/affinity.ts";
import { foldName, isSameName } from "../../../../base/fold_name.ts";
import { closing, tokensOf, topLevel } from "../../../../sql/cursor.ts";
import { isWord } from "../../../../sql/lexer.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { rowValue } from "../form/row_value.ts";
import type { Rebuild } from "../../rebuild/read_rebuild.ts";
import type { Replica } from "../form/replica.ts";
import { type ColumnForm, readTable, rowIdColumn, rowIdName, type TableForm } from "../form/table.ts";
import type { Given } from "./way.ts";
import { readUpdatedRebuild, readUpdates } from "../script/updates.ts";
import { isTaken, valuesBehind } from "../script/values_behind.ts";
import { hasWord, isAllElseAlike, isReferredTo } from "../form/whole_table.ts";

/** A table, the one that takes its place, and what that is filled with. */
export interface Copy {
  readonly before: TableForm;
  readonly after: TableForm;
  readonly from: Replica;
  readonly to: Replica;
  /** What each column holds, by its name in lower case: an expression over a row of the old table. Of no other it has the default. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Returns the copy that a rebuild makes, or columns that go; `null` of one that cannot be followed row by row, whose values are not
 * those of the row alone, or that others depend on.
 */
export function readCopy({ statements, table, before: from, after: to }: Given): Copy | null {
  const rebuild = readUpdatedRebuild(statements, 0);
  const [before, after] = [readTable(from, table), readTable(to, table)];
  if (before === null || after === null || before.name !== after.name) return null;
  const updates = rebuild?.updates ?? readUpdates(statements, 0);
  const given = valuesBehind(updates, { copied: rebuild?.values ?? ownValues(after), before, after });
  const values = given && valuesOf(given, { before, after, from });
  if (values === null) return null;
  // A row keeps its id in the copy: that no column is it any more changes nothing of that.
  const alias = rowIdColumn(after);
  const isFollowed = [before, after].every((table) => rowIdName(table) !== null) &&
    before.isAutoincrement === after.isAutoincrement &&
    (alias === null || (alias === rowIdColumn(before) && isTaken(alias, values)));
  // Where columns go, all rows stay, and so do the references of those that are left.
  const isApart = [before, after].every(({ sql }) => !hasWord(sql, "CONFLICT")) &&
    (rebuild === null ||
      [before, after].every(({ sql }) => !hasWord(sql, "REFERENCES")) && !isReferredTo(from, before.name));
  return isFollowed && isAllElseAlike(from, to, table) && isApart
    ? { before, after, from, to, values }
    : null;
}

/** Every column as it is. */
function ownValues({ columns }: TableForm): Rebuild["values"] {
  const own = columns.filter(({ generated }) => generated === null);
  return new Map(own.map(({ name }) => [foldName(name), quoteName(name)]));
}

/**
 * Returns what columns are filled with, each worked out of the row alone: what an expression reads elsewhere, or makes of the time,
 * no trigger on the table tells. `null` where that is not known, and where a value could not be compared with what is held of it.
 */
function valuesOf(
  given: Rebuild["values"],
  { before, after, from }: Pick<Copy, "before" | "after" | "from">,
): Copy["values"] | null {
  const values = new Map<string, string>();
  for (const [name, text] of given) {
    const column = find(after, name);
    const value = isTaken(name, given) && find(before, name) !== undefined
      ? text
      : rowValue(from, before, text);
    if (column === undefined || value === null) return null;
    values.set(name, value);
    // It rounds, so that what it holds cannot be compared with what it was.
    if (affinityOf(column.type) === "real" && !isReal(name, { before, values })) return null;
  }
  return values;
}

/** Whether a value is a real number already, or none. */
function isReal(column: string, { before, values }: Pick<Copy, "before" | "values">): boolean {
  if (isTaken(column, values)) return affinityOf(find(before, column)!.type) === "real";
  const tokens = tokensOf(values.get(column)!, "sqlite");
  const isCast = isWord(tokens[0], "CAST") && tokens[1]?.text === "(" &&
    closing(tokens, 1) === tokens.length - 1;
  const inside = isCast ? tokens.slice(2, -1) : [];
  const as = inside.indexOf(topLevel(inside).findLast((token) => isWord(token, "AS"))!);
  return as >= 0 && affinityOf(inside.slice(as + 1).map(({ text }) => text).join(" ")) === "real";
}

function find({ columns }: TableForm, name: string): ColumnForm | undefined {
  return columns.find((column) => isSameName("sqlite", column.name, name));
}
