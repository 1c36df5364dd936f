import type { Kept } from "../../../engines/kept_table.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";
import { isSameName } from "../../../base/fold_name.ts";

/** Finds the table that kept data was in, and calls its columns as they are called now: capitals may differ on SQLite. */
export function asThere(
  kept: Kept,
  { tables, dialect }: Pick<Snapshot, "tables" | "dialect">,
): { readonly kept: Kept; readonly table: Table } | null {
  const table = tables.find(({ name }) => name === kept.table) ??
    tables.find(({ name }) => isSameName(dialect, name, kept.table));
  if (table === undefined) return null;
  const nameOf = (name: string) =>
    table.columns.find((column) => isSameName(dialect, column.name, name))?.name ?? name;
  const columns = kept.columns.map((column) => ({ ...column, name: nameOf(column.name) }));
  return { table, kept: { ...kept, table: table.name, keys: kept.keys.map(nameOf), columns } };
}
