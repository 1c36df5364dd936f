import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { ownTable } from "./statement_names.ts";
import { readIfThere } from "./version_table.ts";

const driftTable = ownTable("harbor_drift");

/**
 * Returns the statements that record in which ways a database was another than its revision's snapshot says when it was
 * taken over: its scripts made it so.
 *
 * @param differences As sentences
 */
export function recordDrift(differences: readonly string[], at: string): readonly SQL[] {
  if (differences.length === 0) return [];
  return [
    sql`CREATE TABLE IF NOT EXISTS ${driftTable} (
  difference TEXT NOT NULL PRIMARY KEY,
  recorded_at VARCHAR(30) NOT NULL
)`,
    sql`DELETE FROM ${driftTable}`,
    ...differences.map((difference) =>
      sql`INSERT INTO ${driftTable} (difference, recorded_at) VALUES (${difference}, ${at})`
    ),
  ];
}

/** Reads what was recorded; empty when nothing was. */
export async function readDrift(database: Database): Promise<ReadonlySet<string>> {
  const rows = await readIfThere(database, {
    table: "harbor_drift",
    form: { difference: "text" },
    query: sql`SELECT difference FROM ${driftTable}`,
  });
  return new Set(rows?.map(({ difference }) => difference));
}
