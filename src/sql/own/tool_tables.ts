import type { Dialect } from "../../base/dialect.ts";

/** The tables in which Alembic and Drizzle keep what they ran, and which harbor-db reads. */
export const readToolTables: readonly string[] = ["alembic_version", "__drizzle_migrations"];

/** The tables in which other tools keep what they ran, in lower case: of no schema. `d1_migrations` is Cloudflare's. */
export const toolTables: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [...readToolTables, "d1_migrations"],
  postgresql: readToolTables,
};
