import { type SQL, sql } from "drizzle-orm";
import { quoteText } from "../../sql/quote.ts";
import type { TypeName } from "../database.ts";
import { userStatement } from "../statement_names.ts";

/**
 * Returns the statement that finds which of these types are not there, on the path that the database has for everybody. One that is
 * there in other capitals, or in another schema, may be meant.
 */
export function missingTypesQuery(types: readonly TypeName[]): SQL {
  const list = types.map(({ type, name }) => `(${quoteText(type)}, ${quoteText(name.toLowerCase())})`);
  return userStatement(
    sql.raw(
      `SELECT type FROM (VALUES ${
        list.join(", ")
      }) AS wanted (type, name) WHERE pg_catalog.to_regtype(type) IS NULL
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE pg_catalog.lower(t.typname::pg_catalog.text) = name)`,
    ),
  );
}
