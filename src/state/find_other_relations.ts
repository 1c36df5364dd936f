import { sql } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { Database } from "../engines/database.ts";
import { userStatement } from "../engines/statement_names.ts";

/**
 * Returns those of the names under which something is found that is no table of the live schema: a view, or a table
 * further down PostgreSQL's search path, which would be hidden by one that is made here.
 */
export async function findOtherRelations(
  database: Database,
  names: readonly string[],
  live: Snapshot,
): Promise<readonly string[]> {
  const unknown = names.filter((name) => !live.tables.some((table) => table.name === name));
  // Asked for together: a server then answers them without a way there and back for each.
  const found = await Promise.all(unknown.map((name) => isSeen(database, name)));
  return unknown.filter((_, index) => found[index]);
}

async function isSeen(database: Database, name: string): Promise<boolean> {
  try {
    await database.read(userStatement(sql`SELECT 1 AS one FROM ${sql.identifier(name)} LIMIT 0`));
    return true;
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    // What may not be read is there all the same.
    if (error.code === "read_only") return true;
    if (error.code === "missing_table") return false;
    throw error;
  }
}
