import type { Column, Snapshot, Table } from "../../../schema/snapshot.ts";
import { isGenerated } from "../../../schema/generated.ts";

/** What tells by which columns a row is known. */
export interface KeyChoice {
  readonly table: Table;
  /** Columns that are not there when the rows are looked for, or hold other values then. */
  readonly without: readonly string[];
  /** Schemas of the same history: what one of them knows as unique is so at other times, too. */
  readonly schemas: readonly Snapshot[];
}

/**
 * Returns the columns by which a row is known again; empty where the table has no key. SQLite lets a primary key hold NULL, also
 * in many rows: it is taken where there is no other, and a row with NULL in it is not known by it.
 *
 * SQLite gives the id of a row that is gone to another one: where the table has a column that names a row for ever, a
 * UUID, that has to be the same as well.
 */
export function keysOf({ table, without, schemas }: KeyChoice): readonly string[] {
  const stays = (names: readonly string[]) =>
    names.length > 0 && !names.some((name) => without.includes(name));
  const isNamed = (name: string) => table.columns.find((column) => column.name === name)?.notNull === true;
  const keys = [table.primaryKey, ...uniqueColumns(table)].filter((names) => names.every(isNamed));
  const key = [...keys, table.primaryKey].find(stays);
  if (key === undefined) return [];
  const same = schemas.flatMap(({ tables }) => tables.filter(({ name }) => name === table.name));
  const uniques = [table, ...same].flatMap(uniqueColumns).filter(({ length }) => length === 1).flat();
  const names = table.columns.filter((column) =>
    column.notNull && isForEver(column) && uniques.includes(column.name) && stays([column.name]) &&
    !key.includes(column.name)
  );
  return [...key, ...names.map(({ name }) => name)];
}

/** Returns each set of columns in which no two rows are the same. */
export function uniqueColumns({ columns, uniques, indexes }: Table): readonly (readonly string[])[] {
  const known = new Set(columns.map(({ name }) => name));
  return [
    ...uniques.map((unique) => unique.columns),
    ...indexes.filter((index) => index.unique && index.where === null && index.valid)
      .map((index) => index.columns).filter((names) => names.every((name) => known.has(name))),
  ];
}

/** A length alone makes no UUID: names and codes have one, too, and change. */
function isForEver({ name, type }: Column): boolean {
  return /(?:uuid|guid)$/i.test(name) || /^uuid$/i.test(type);
}

/** Returns the columns whose values are stored, and not made by the database whenever they are read or written. */
export function storedColumns({ columns }: Table): readonly Column[] {
  return columns.filter((column) => !isGenerated(column));
}
