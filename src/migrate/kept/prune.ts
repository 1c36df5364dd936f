import { sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { forgetKept, type Kept, readKept, recountKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { storedColumns } from "./rules/keys.ts";
import { countOf, returnOf } from "./return.ts";
import { all, words } from "./words.ts";

/** What was forgotten of one table. */
export interface PrunedResult {
  readonly id: number;
  readonly table: string;
  readonly rows: number;
}

/**
 * Forgets what is kept of rows that the application has deleted since: whoever asked for that asked for it here as well.
 * Rows of tables that are not there now, or whose own rows are still kept, stay.
 */
export async function pruneKept(context: Pick<RunContext, "database">): Promise<readonly PrunedResult[]> {
  const { database } = context;
  const found = await readKept(database);
  if (found.length === 0) return [];
  const live = await database.introspect();
  const results: PrunedResult[] = [];
  for (const kept of found) {
    const rows = await prune(context, kept, live);
    if (rows > 0) results.push({ id: kept.id, table: kept.table, rows });
    if (rows > 0 && await countOf(database, kept) === 0) await forgetKept(database, [kept]);
  }
  return results;
}

/** Does that for one table, and returns how many rows that were. */
export async function prune(
  { database }: { readonly database: Database },
  kept: Kept,
  live: Snapshot,
): Promise<number> {
  const table = live.tables.find(({ name }) => name === kept.table);
  // Rows without a key may have been changed instead.
  if (table === undefined || kept.kind === "table" || kept.keys.length === 0) return 0;
  const others = await readKept(database);
  if (others.some((each) => each.kind === "table" && each.table === kept.table)) return 0;
  const columns = storedColumns(table).filter(({ name }) => kept.keys.includes(name));
  if (columns.length < kept.keys.length) return 0;
  const { isKey } = words[database.dialect];
  const match = all(
    columns.map((column) =>
      isKey(sql`t.${sql.identifier(column.name)}`, sql`k.${sql.identifier(column.name)}`, column)
    ),
  );
  const [rows = 0] = await database.write([
    sql`DELETE FROM ${ownTable(kept.sideTable)} AS k WHERE NOT EXISTS (SELECT 1 FROM ${
      ownTable(kept.table)
    } AS t WHERE ${match})`,
    recountKept(kept, returnOf(database.dialect, { kept, table, live, isLatest: true }).count),
  ]);
  return rows;
}
