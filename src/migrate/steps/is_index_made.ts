import { sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { postgresNameOf } from "../../sql/cut_name.ts";
import { ownTable } from "../../engines/statement_names.ts";

/**
 * Says whether an interrupted run already made an index, and clears away what it left when it did not: a failed
 * `CREATE INDEX CONCURRENTLY` leaves an invalid index with the name.
 *
 * Source: https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
 */
export async function isIndexMade(database: Database, name: string): Promise<boolean> {
  const { tables } = await database.introspect();
  const index = tables.flatMap((table) => table.indexes).find((each) => each.name === postgresNameOf(name));
  if (index?.valid === false) {
    await database.write([sql`DROP INDEX CONCURRENTLY IF EXISTS ${ownTable(index.name)}`], "alone");
  }
  return index?.valid === true;
}
