import type { Dialect } from "../../base/dialect.ts";
import { type SQL, sql } from "drizzle-orm/sql/sql";

/** Where an expression keeps what it is on SQLite: on the object itself, so that two copies of this module agree. */
const onSqlite = Symbol.for("harbor-db:sqlite");

/**
 * Returns an expression that is written differently for each dialect, for use wherever Drizzle takes one: in a
 * default, a check, an index, a generated column, or inside another `sql` template.
 *
 * @example
 * ```ts
 * import { perDialect } from "harbor-db";
 * import { sql } from "drizzle-orm";
 * import { pgTable, varchar } from "drizzle-orm/pg-core";
 *
 * export const sessions = pgTable("sessions", {
 *   token: varchar({ length: 64 }).primaryKey().default(perDialect({
 *     sqlite: sql`lower(hex(randomblob(32)))`,
 *     postgresql: sql`encode(sha256(gen_random_uuid()::text::bytea), 'hex')`,
 *   })),
 * });
 * ```
 */
export function perDialect<T = unknown>(by: Readonly<Record<Dialect, SQL<T>>>): SQL<T> {
  return Object.assign(sql<T>`${by.postgresql}`, { [onSqlite]: by.sqlite });
}

/** Returns what an expression of {@link perDialect} is on SQLite; `undefined` for any other. */
export function sqliteVariant(expression: SQL): SQL | undefined {
  return (expression as { [onSqlite]?: SQL })[onSqlite];
}
