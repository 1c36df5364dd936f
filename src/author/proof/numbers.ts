import { follow, type Passage, startOf } from "../../migrate/rules/origins.ts";
import type { Column, Table } from "../../schema/snapshot.ts";

/** The columns of tables whose numbers are not held to be what they were, by the tables' names. */
export type Numbers = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Returns the columns that number the rows which are there, where a passage makes them, and no number may stand twice: what
 * was kept of one stays kept where another row has it by then. Numbers by which other tables know rows are none of them:
 * theirs have to come back.
 */
export function numbersGivenBy(passages: readonly Passage[]): Numbers {
  const first = passages[0];
  if (first === undefined) return new Map();
  const origins = passages.reduce(follow, startOf(first.before));
  const { tables } = passages.at(-1)!.after;
  const references = tables.flatMap(({ foreignKeys }) => foreignKeys);
  return new Map(tables.flatMap((table) => {
    const origin = origins.get(table.name);
    if (origin === undefined || origin.table === null) return [];
    const columns = table.columns.filter((column) =>
      origin.columns.get(column.name)?.column === null && isNumber(column) && isOnce(table, column) &&
      !references.some((key) => key.table === table.name && key.references.includes(column.name))
    );
    return columns.length === 0 ? [] : [[table.name, new Set(columns.map(({ name }) => name))]];
  }));
}

/** Whether the database counts on for each row. */
function isNumber({ identity, default: value }: Column): boolean {
  return identity || value?.startsWith("nextval(") === true;
}

function isOnce({ primaryKey, uniques, indexes }: Table, { name }: Column): boolean {
  return [{ columns: primaryKey }, ...uniques, ...indexes.filter(({ unique }) => unique)]
    .some(({ columns }) => columns.includes(name));
}

/** Returns a table without some of its columns; without a key where that had one of them. */
export function withoutColumns(table: Table, gone: ReadonlySet<string>): Table {
  return {
    ...table,
    columns: table.columns.filter(({ name }) => !gone.has(name)),
    primaryKey: table.primaryKey.some((name) => gone.has(name)) ? [] : table.primaryKey,
  };
}
