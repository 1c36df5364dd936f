import type { Snapshot } from "../../schema/snapshot.ts";
import type { Origins } from "./origins.ts";

/** A table that goes, or columns that go from one that stays; under the names that they have before. */
export interface TakenAway {
  readonly table: string;
  /** Empty when the whole table goes. */
  readonly columns: readonly string[];
}

/**
 * Returns what goes on the way from a schema to where `end` came from it: the tables and columns out of which nothing there
 * is made. What is made anew under the name of one that went does not bring back what was in it.
 */
export function takenAway(start: Snapshot, end: Origins): readonly TakenAway[] {
  return start.tables.flatMap(({ name: table, columns }): readonly TakenAway[] => {
    const left = [...end.values()].filter((origin) => origin.table === table);
    if (left.length === 0) return [{ table, columns: [] }];
    const stay = new Set(left.flatMap((origin) => [...origin.columns.values()].map(({ column }) => column)));
    const gone = columns.map(({ name }) => name).filter((name) => !stay.has(name));
    return gone.length === 0 ? [] : [{ table, columns: gone }];
  });
}

/**
 * Returns a revision's schema as it will be in a database that has more than the history says: with the tables and
 * columns that no step knows.
 */
export function withStrangers(
  target: Snapshot,
  { known, live }: { readonly known: Snapshot; readonly live: Snapshot },
): Snapshot {
  const tables = target.tables.map((table) => {
    const has = (columns: readonly { readonly name: string }[] = [], name: string) =>
      columns.some((column) => column.name === name);
    const before = known.tables.find(({ name }) => name === table.name);
    const there = live.tables.find(({ name }) => name === table.name);
    const strange = before === undefined
      ? []
      : (there?.columns ?? []).filter(({ name }) => !has(before.columns, name) && !has(table.columns, name));
    return { ...table, columns: [...table.columns, ...strange] };
  });
  const strangers = live.tables.filter(({ name }) =>
    [...known.tables, ...target.tables].every((table) => table.name !== name)
  );
  return { ...target, tables: [...tables, ...strangers], others: live.others };
}
