import { sql } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";
import { ownTable } from "../engines/statement_names.ts";

/**
 * Counts a table's rows, or those that have a value in a column.
 *
 * @returns `null` when this user may not see them all, or there is no such table or column
 */
export async function countRows(database: Database, table: string, column?: string): Promise<number | null> {
  const what = column === undefined ? sql`*` : sql.identifier(column);
  try {
    const [row] = await database.read<{ n: number | bigint | string }>(
      sql`SELECT count(${what}) AS n FROM ${ownTable(table)}`,
    );
    return Number(row?.n);
  } catch (error) {
    if (error instanceof HarborError && error.code !== "connection_failed") return null;
    throw error;
  }
}
