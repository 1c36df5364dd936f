import { sql } from "drizzle-orm";
import { HarborError } from "../core/errors.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { Database } from "../db/database.ts";

/**
 * Returns those of the names under which something is found that is no table of the live schema: a view, or a table
 * further down PostgreSQL's search path, which would be hidden by one that is made here.
 */
export async function findElsewhere(
  database: Database,
  names: readonly string[],
  live: Snapshot,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names.filter((each) => !live.tables.some((table) => table.name === each))) {
    try {
      await database.read(sql`SELECT 1 AS one FROM ${sql.identifier(name)} WHERE 1 = 0`);
      found.push(name);
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      // What may not be read is there all the same.
      if (error.code === "read_only") found.push(name);
      else if (error.code !== "missing_table") throw error;
    }
  }
  return found;
}
