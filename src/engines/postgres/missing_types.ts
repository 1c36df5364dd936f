import { type SQL, sql } from "drizzle-orm";
import { quoteText } from "../../sql/quote.ts";

/**
 * Returns the statement that finds which of these names no type has. One that is there in other capitals, or in another
 * schema, may be meant. To ask `to_regtype` would fail for what is no name, such as a keyword, before PostgreSQL 16.
 */
export function missingTypesQuery(names: readonly string[]): SQL {
  const list = names.map((name) => `(${quoteText(name)})`).join(", ");
  return sql.raw(
    `SELECT name FROM (VALUES ${list}) AS wanted (name) WHERE NOT EXISTS (SELECT FROM pg_type AS t
      WHERE lower(t.typname::text) = lower(wanted.name))`,
  );
}
