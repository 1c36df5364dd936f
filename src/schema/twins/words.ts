/**
 * What a schema.ts may import from "harbor-db" beside Drizzle's own words, and what a program calls to use the
 * schema on SQLite.
 *
 * @module
 */
import { customType } from "drizzle-orm/pg-core";

export { perDialect } from "./per_dialect.ts";
export { type Casing, type SqliteTable, type SqliteTables, sqliteTables } from "./tables.ts";

/** A column of bytes: `bytea` on PostgreSQL, for which Drizzle has no word, and `BLOB` on SQLite. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => "bytea",
  // Drivers give bytes as a kind of their own, such as Node's.
  fromDriver: (value) => new Uint8Array(value),
});
