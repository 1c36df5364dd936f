import { foldName, isSameName } from "../../../../base/fold_name.ts";
import { onceFor } from "../../../../base/once_for.ts";
import { commaParts, cursorAt, foldedName, tokensOf, topLevel } from "../../../../sql/cursor.ts";
import { isWord } from "../../../../sql/lexer.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { columnsIn } from "../../../../sql/expression_columns.ts";
import { isInKey, type TableForm } from "../form/table.ts";
import { readRebuild, type Rebuild, textOf } from "../../rebuild/read_rebuild.ts";

/** An `UPDATE` of one table and nothing besides. */
export interface RowUpdate {
  readonly table: string;
  /** What columns get, by their names in lower case: each an expression. */
  readonly values: ReadonlyMap<string, string>;
  /** Which rows; `null` for all. */
  readonly condition: string | null;
}

/** Reads the updates of one table that a script goes on with at a place; none where there is another statement. */
export function readUpdates(statements: readonly string[], at: number): readonly RowUpdate[] {
  const { updates, ends } = runsOf(statements);
  return updates.slice(at, ends[at]).filter((update) => update !== null);
}

/** Each place of a script is asked for, and a script may have thousands of updates. */
const runsOf = onceFor((statements: readonly string[]) => {
  const updates = statements.map(readUpdate);
  const ends = updates.map((_, at) => at);
  for (const [at, update] of [...updates.entries()].toReversed()) {
    if (update === null) continue;
    const next = updates[at + 1] ?? null;
    ends[at] = next !== null && isSameName("sqlite", update.table, next.table) ? ends[at + 1]! : at + 1;
  }
  return { updates, ends };
});

/** A rebuild, and the updates of its table right before it. */
export interface UpdatedRebuild extends Rebuild {
  readonly updates: readonly RowUpdate[];
}

/** Reads a rebuild and the updates before it, none of them left out; `null` where there is none. */
export function readUpdatedRebuild(statements: readonly string[], at: number): UpdatedRebuild | null {
  const updates = readUpdates(statements, at);
  const rebuild = readRebuild(statements, at + updates.length);
  const isOfTable = rebuild !== null &&
    isSameName("sqlite", updates[0]?.table ?? rebuild.table, rebuild.table);
  return isOfTable ? { ...rebuild, updates, count: updates.length + rebuild.count } : null;
}

/** `UPDATE t SET a = …, b = … [WHERE …]`; `null` for any other statement. */
function readUpdate(text: string): RowUpdate | null {
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const at = cursorAt(tokens);
  if (!at.take("UPDATE") || isWord(at.rest()[0], "OR")) return null;
  const table = at.name();
  if (!at.take("SET") || table === "") return null;
  const rest = at.rest();
  const outer = topLevel(rest);
  if (others.some((word) => outer.some((token) => isWord(token, word)))) return null;
  const where = outer.find((token) => isWord(token, "WHERE"));
  const end = where === undefined ? rest.length : rest.indexOf(where);
  const values = new Map<string, string>();
  for (const [column, equals, ...value] of commaParts(rest.slice(0, end))) {
    const name = foldedName(column, "sqlite");
    if (name === null || equals?.text !== "=" || value.length === 0 || values.has(name)) return null;
    values.set(name, textOf(text, value));
  }
  return { table, values, condition: where === undefined ? null : textOf(text, rest.slice(end + 1)) };
}

/** What takes values from elsewhere, or only some rows. */
const others = ["FROM", "ORDER", "LIMIT", "RETURNING"];

/**
 * Returns what updates make of a row, by the columns' names in lower case: an expression over it as it was before them. `null` where one
 * reads what another one wrote, and where a row that is written asks or does more than to hold it.
 */
export function valuesAfter(updates: readonly RowUpdate[], table: TableForm): RowUpdate["values"] | null {
  const { columns } = table;
  const worked = columns.filter(({ generated }) => generated !== null).map(({ name }) => name);
  const written = new Map<string, string>();
  for (const { values, condition } of updates) {
    const read = columnsIn([...values.values(), condition ?? ""].join("\n,"), columns, "sqlite");
    const isKnown = (name: string) => !written.has(foldName(name)) && !worked.includes(name);
    if (written.size > 0 && !read.every(isKnown)) return null;
    for (const [name, value] of values) {
      if (written.has(name)) return null;
      written.set(name, condition === null ? value : whereMet(condition, { name, value }));
    }
  }
  return isFree([...written.keys()], { ...table, worked }) ? written : null;
}

/** What is in a column where only rows that meet a condition get a value: a fill of NULLs as a script writes it that copies. */
function whereMet(
  condition: string,
  { name, value }: { readonly name: string; readonly value: string },
): string {
  const [column, is, nothing, ...more] = tokensOf(condition, "sqlite");
  const isFill = foldedName(column, "sqlite") === name && isWord(is, "IS") && isWord(nothing, "NULL") &&
    more.length === 0;
  return isFill
    ? `coalesce(${quoteName(name)}, ${value}\n)`
    : `CASE WHEN (${condition}\n) THEN (${value}\n) ELSE ${quoteName(name)} END`;
}

/** Whether no key, reference or trigger has to do with what is in columns: a key may be met twice for a moment, and no longer at the end. */
function isFree(
  written: readonly string[],
  table: TableForm & { readonly worked: readonly string[] },
): boolean {
  const { columns, indexes, references, hasUpdateTrigger, worked } = table;
  const isWritten = (name: string) => written.includes(foldName(name)) || worked.includes(name);
  const inKeys = columns.filter((column) => isInKey(table, column));
  const inIndexes = indexes.filter(({ isUnique }) => isUnique).flatMap(({ sql }) =>
    columnsIn(sql, columns, "sqlite")
  );
  const named = [
    ...inKeys.map(({ name }) => name),
    ...inIndexes,
    ...references.flatMap((each) => each.columns),
  ];
  return !hasUpdateTrigger && !named.some(isWritten);
}
