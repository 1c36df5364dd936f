import { type SQL, sql } from "drizzle-orm";
import type { Database } from "./database.ts";
import { ownTable } from "./statement_names.ts";
import { readIfThere } from "./version_table.ts";

const driftTable = ownTable("harbor_drift");

/**
 * Returns the statements that record in which ways a database is another than its revision's snapshot says because its scripts
 * make it so. What was recorded before is gone.
 *
 * @param differences As sentences, of any length, so that no index could hold them
 */
export function recordDrift(differences: readonly string[], at: string): readonly SQL[] {
  const clear = sql`DROP TABLE IF EXISTS ${driftTable}`;
  if (differences.length === 0) return [clear];
  return [
    clear,
    sql`CREATE TABLE ${driftTable} (
  difference TEXT NOT NULL,
  recorded_at VARCHAR(30) NOT NULL
)`,
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
