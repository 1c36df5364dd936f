import type { KitTable } from "../../../schema/kit_snapshot.ts";

/** Returns the columns of a table's primary key; none without one. */
export function keyColumns(table: KitTable | undefined): readonly string[] {
  const [composite] = Object.values(table?.compositePrimaryKeys ?? {});
  return composite?.columns ??
    Object.values(table?.columns ?? {}).filter(({ primaryKey }) => primaryKey).map(({ name }) => name);
}
