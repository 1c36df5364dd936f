import { affinityOf } from "../../../../sql/affinity.ts";
import { foldName } from "../../../../base/fold_name.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { foldedName, tokensOf } from "../../../../sql/cursor.ts";
import type { DefinitionChange } from "../definition/change.ts";
import { changeDefinition } from "../definition/change_definition.ts";
import { demandsOf, type Fill, guardsOf } from "../definition/demands.ts";
import { readNewReferences } from "../definition/references.ts";
import { impliedValues } from "../form/implied_values.ts";
import { fillOf } from "../../rebuild/read_rebuild.ts";
import { rowidOf } from "../form/source_table.ts";
import { type IndexForm, readTable, rowIdColumn, type TableForm } from "../form/table.ts";
import { readUpdatedRebuild } from "../script/updates.ts";
import { valuesBehind } from "../script/values_behind.ts";
import type { Given, Way } from "./way.ts";
import { hasWord, isAllElseAlike } from "../form/whole_table.ts";

/**
 * Changes a table's text in the schema, where a copy would hold the same bytes: the same columns in the same order with
 * the same affinities and collations, the same key. What the new text demands of the rows is looked at before, under
 * triggers that let nothing else in.
 *
 * `ALTER TABLE … ALTER COLUMN … SET NOT NULL` and `ADD CONSTRAINT` do some of that too, but look at every row in the
 * transaction in which nobody else can write: 0.3 s for a million.
 */
export const definitionWay: Way = {
  find: readUpdatedRebuild,
  plan(given) {
    const change = readChange(given);
    return change && changeDefinition(given.place, change);
  },
};

function readChange({ statements, table, before: from, after: to }: Given): DefinitionChange | null {
  const rebuild = readUpdatedRebuild(statements, 0);
  const before = readTable(from, table);
  const after = readTable(to, table);
  if (rebuild === null || before === null || after === null || !isSameForm(before, after)) return null;
  if (!isAllElseAlike(from, to, table)) return null;
  const references = readNewReferences(from, to, { before, after });
  if (references === null) return null;

  const stored = after.columns.filter(({ generated }) => generated === null);
  const values = valuesBehind(rebuild.updates, { copied: rebuild.values, before, after });
  if (values === null) return null;
  const fills: Fill[] = [];
  for (const { name } of stored) {
    const given = values.get(foldName(name));
    const value = given === undefined ? null : fillOf(name, given);
    if (value === null) return null;
    if (value !== undefined) fills.push({ column: name, value });
  }
  if (fills.some((fill) => !isFillable(fill, fills))) return null;
  const short = shortRows(before, after);
  // The values that others' triggers give to rows are not what a copy gives to them.
  if (before.hasUpdateTrigger && (fills.length > 0 || short !== null)) return null;

  const placeOf = (index: string) => rebuild.updates.length + 4 + rebuild.indexes.indexOf(foldName(index));
  const demands = demandsOf(before, after, { references, placeOf });
  // The copy may leave out a row that does not fit, or change it.
  const isRefusing = demands.some(({ reference }) => reference === null);
  if (isRefusing && hasWord(after.sql, "CONFLICT")) return null;
  const filled = [...fills, ...defaults(before, after, fills)];
  const guards = guardsOf(after, { demands, fills: filled });
  // An expression may mean nothing where it stands in a trigger.
  const trial = guards.flatMap(({ name, sql }) => [`DROP TRIGGER IF EXISTS ${quoteName(name)}`, sql]);
  if (from.after(trial) === null) return null;
  const indexes = indexChanges(before, after, (name) => statements[placeOf(name)]!);
  // Each is built by itself: one that the rows refuse would leave those before it.
  if (indexes.made.length > 1 && indexes.made.some(({ isUnique }) => isUnique)) return null;
  return { before, after, statements, fills, filled, short, demands, references, guards, indexes };
}

/** What is another for each batch, or for each statement: the time, and what chance or the rows beside it say. */
const unsteady =
  /^(SELECT|CURRENT_(DATE|TIME|TIMESTAMP)|random(blob)?|date|time|datetime|julianday|unixepoch|strftime|timediff|changes|total_changes|last_insert_rowid)$/i;

/** Whether a fill is the same in batches as in one statement: what another fill changes is another one after it. */
function isFillable({ column, value }: Fill, fills: readonly Fill[]): boolean {
  const others = new Set(
    fills.filter((fill) => fill.column !== column).map((fill) => foldName(fill.column)),
  );
  return !tokensOf(value, "sqlite").some((token) =>
    others.has(foldedName(token, "sqlite") ?? "") || (token.kind === "word" && unsteady.test(token.text))
  );
}

/** What the application leaves out, since the column may be NULL still, becomes what it will be then. */
function defaults(before: TableForm, after: TableForm, fills: readonly Fill[]): readonly Fill[] {
  return after.columns.flatMap((column, place): readonly Fill[] => {
    const isNew = column.isNotNull && !before.columns[place]!.isNotNull && column.fallback !== null;
    if (!isNew || fills.some((fill) => fill.column === column.name)) return [];
    return [{ column: column.name, value: `(${column.fallback})` }];
  });
}

/** Whether the bytes of a row, and of an index of the key, mean the same to both. */
function isSameForm(a: TableForm, b: TableForm): boolean {
  const columns = ({ columns }: TableForm) =>
    columns.map((column) => [
      column.name,
      affinityOf(column.type),
      column.key,
      column.generated,
      column.collation,
    ]);
  const types = ({ columns }: TableForm) => columns.map(({ type }) => type.toUpperCase());
  return a.name === b.name && isSame(columns(a), columns(b)) && isSame(a.automatic, b.automatic) &&
    a.isStrict === b.isStrict && (!a.isStrict || isSame(types(a), types(b))) &&
    rowIdColumn(a) === rowIdColumn(b) && a.isAutoincrement === b.isAutoincrement &&
    a.hasRowid && b.hasRowid && rowidOf(a) !== "";
}

/**
 * Returns the condition on rows that may have been written before a column was added whose default is another now;
 * `null` where there are none. Such a row has what the old text implies in that column and in all behind it.
 */
function shortRows(before: TableForm, after: TableForm): string | null {
  const [old, changed] = [impliedValues(before), impliedValues(after)];
  const stored = before.columns.filter((column) => column.generated === null);
  const last = stored.findLastIndex(({ name }) => old.get(name) !== changed.get(name));
  if (last < 0) return null;
  const behind = stored.slice(last);
  // Where the new text allows no NULL, whatever is implied as NULL is filled, or refused.
  const isRefused = behind.some((column) =>
    old.get(column.name) === "NULL" && after.columns.find(({ name }) => name === column.name)!.isNotNull
  );
  if (isRefused) return null;
  return behind.map(({ name }) => `${quoteName(name)} IS ${old.get(name)}`).join(" AND ");
}

function indexChanges(
  before: TableForm,
  after: TableForm,
  statementOf: (index: string) => string,
): DefinitionChange["indexes"] {
  const successor = (index: IndexForm) =>
    after.indexes.find((each) => each.name === index.name && isSame(contentOf(each), contentOf(index)));
  const kept = before.indexes.flatMap((index) => {
    const to = successor(index);
    return to === undefined ? [] : [{ name: index.name, from: index.sql, to: to.sql }];
  });
  const isKept = ({ name }: IndexForm) => kept.some((each) => each.name === name);
  return {
    kept,
    dropped: before.indexes.filter((index) => !isKept(index)).map(({ name }) => name),
    made: after.indexes.filter((index) => !isKept(index)).map(({ name, isUnique }) => ({
      name,
      isUnique,
      statement: statementOf(name),
    })),
  };
}

function contentOf({ parts, where }: IndexForm): unknown {
  return [parts, where];
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
