import type { ComparedColumn, ComparedTable } from "../../engines/watch/held_contents.ts";
import type { ColumnOrigin, Origins } from "../../migrate/rules/origins.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";

/**
 * Returns the tables whose rows can be compared with what they were, with the columns of which nothing says that their values
 * change; and the names of those whose rows nothing tells apart. A table that was made since, or in which rows may have come or
 * gone, is neither.
 */
export function comparedTables(
  { before, after, origins }: {
    readonly before: Snapshot;
    readonly after: Snapshot;
    readonly origins: Origins;
  },
): { readonly tables: readonly ComparedTable[]; readonly notCompared: readonly string[] } {
  const tables: ComparedTable[] = [];
  const notCompared: string[] = [];
  for (const table of after.tables) {
    const origin = origins.get(table.name);
    const old = before.tables.find(({ name }) => name === origin?.table);
    if (origin === undefined || old === undefined || origin.hasFewer || origin.hasMore) continue;
    const kept = unchangedColumns(old, table, origin.columns);
    const key = old.primaryKey.flatMap((name) => kept.find(({ was }) => was === name) ?? []);
    const columns = kept.filter(({ name, was }) => typeIn(table, name) === typeIn(old, was));
    if (key.length === 0 || key.length < old.primaryKey.length) notCompared.push(table.name);
    else tables.push({ name: table.name, was: old.name, key, columns });
  }
  return { tables, notCompared };
}

/** Returns the columns of which nothing says that their values change, be it to those of another type. */
function unchangedColumns(
  old: Table,
  table: Table,
  origins: ReadonlyMap<string, ColumnOrigin>,
): readonly ComparedColumn[] {
  return table.columns.flatMap(({ name }) => {
    const origin = origins.get(name);
    const before = old.columns.find((column) => column.name === origin?.column);
    return origin?.values === "same" && before !== undefined ? [{ name, was: before.name }] : [];
  });
}

function typeIn({ columns }: Table, name: string): string | undefined {
  return columns.find((column) => column.name === name)?.type;
}
