import type * as pg from "drizzle-orm/pg-core";
import { getTableUniqueName } from "drizzle-orm/table";
import type * as lite from "drizzle-orm/sqlite-core";

/**
 * Returns each foreign key once: a column that says its reference, and the table that says the same of it, mean one. Of two by one
 * name drizzle-kit would take the last.
 */
export function distinctKeys<Key extends pg.ForeignKey | lite.ForeignKey>(
  keys: readonly Key[],
): readonly Key[] {
  return [...new Map(keys.map((key) => [textOf(key), key])).values()];
}

function textOf(key: pg.ForeignKey | lite.ForeignKey): string {
  const { columns, foreignTable, foreignColumns } = key.reference();
  const { onDelete = "no action", onUpdate = "no action" } = key;
  const [own, others] = [columns, foreignColumns].map((list) => list.map(({ name }) => name));
  return JSON.stringify([key.getName(), own, getTableUniqueName(foreignTable), others, onDelete, onUpdate]);
}
