import { sql } from "drizzle-orm";
import { isSameName } from "../../base/fold_name.ts";
import {
  forgetKept,
  isCounted,
  type Kept,
  keptRow,
  readKept,
  recountKept,
  withCount,
} from "../../engines/kept_table.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { readAppliedIn } from "../../engines/version_table.ts";
import type { Column, Snapshot } from "../../schema/snapshot.ts";
import { createWalker, type WalkContext } from "../paced/backfill_walk.ts";
import { allRows } from "../paced/walk_table.ts";
import { storedColumns } from "./rules/keys.ts";
import { asThere, isKeyStill } from "./rules/as_there.ts";
import { ranSince } from "./rules/ran_since.ts";
import { countOf, countsOf } from "./side/contents.ts";
import { withSideTables } from "./side_tables.ts";
import { all, words } from "./side/words.ts";

/** What was forgotten of one table. */
export interface PrunedResult {
  readonly id: number;
  readonly table: string;
  readonly rows: number;
}

/** What was forgotten, and of what nobody knows whether there is anything to forget. */
export interface Pruned {
  readonly pruned: readonly PrunedResult[];
  readonly unpruned: readonly Kept[];
}

/**
 * Forgets what is kept of rows that the application has deleted since: whoever asked for that asked for it here as well.
 * Rows of tables that are not there now, or whose own rows are still kept, stay.
 */
export async function pruneKept(context: WalkContext & Pick<RunContext, "history">): Promise<Pruned> {
  const { database } = context;
  // Of what has lost its side table nothing is left to forget: verify says so. Of a table that was dropped no row was deleted.
  const found = (await withSideTables(database, await readKept(database))).filter(({ kind }) =>
    kind !== "table"
  );
  if (found.length === 0) return { pruned: [], unpruned: [] };
  const live = await database.introspect();
  const applied = await readAppliedIn(context) ?? [];
  const pruned: PrunedResult[] = [];
  const unpruned: Kept[] = [];
  for (const kept of found) {
    // What is not put aside yet is not in the side table: an empty one says nothing of it.
    const since = isCounted(kept) ? ranSince(kept, { history: context.history, applied }, database) : null;
    const rows = since === null ? null : await prune(context, kept, { live, since });
    if (rows === null) unpruned.push(kept);
    else if (rows > 0) pruned.push({ id: kept.id, table: kept.table, rows });
    // One that is empty already was left by a run that was killed over it.
    if (rows !== null && await countOf(database, kept) === 0) await forgetKept(database, [kept]);
  }
  return { pruned, unpruned };
}

/** Does that for one table, in batches, and returns how many rows that were; `null` where nobody can tell which were deleted. */
export async function prune(
  context: WalkContext,
  kept: Kept,
  { live, since = [] }: { readonly live: Snapshot; readonly since?: readonly string[] },
): Promise<number | null> {
  const { database } = context;
  if (kept.kind === "table") return 0;
  const found = asThere(kept, live, since);
  // By another key all of its rows would look deleted.
  if (found === null || !isKeyStill(kept, live, since)) return null;
  const { table } = found;
  // A row whose primary key is there is not deleted, whatever else of it has changed.
  const key = table.primaryKey;
  if (key.length === 0 || !key.every((name) => found.kept.keys.includes(name))) return null;
  const others = await readKept(database);
  if (others.some((each) => each.kind === "table" && isSameName(live.dialect, each.table, table.name))) {
    return null;
  }
  const columns = storedColumns(table).filter(({ name }) => key.includes(name));
  const { isKey } = words[database.dialect];
  const asideAs = ({ name }: Column) => sql.identifier(kept.keys[found.kept.keys.indexOf(name)]!);
  const match = all(
    columns.map((column) => isKey(sql`t.${sql.identifier(column.name)}`, sql`k.${asideAs(column)}`, column)),
  );
  const before = await countOf(database, kept);
  const rows = allRows(kept.sideTable, keptRow);
  const row = sql`k.${sql.identifier(keptRow)}`;
  await createWalker(context, rows, { pace: await database.pace(kept.sideTable), options: {} }).walk({
    from: { key: null, isAhead: false },
    end: null,
    change: ({ from, end }) => {
      const lower = from.key === null ? sql`TRUE` : sql`${row} > ${Number(from.key)}`;
      const range = sql`${lower} AND ${row} <= ${Number(end)}`;
      return withCount(kept, range, [
        sql`DELETE FROM ${ownTable(kept.sideTable)} AS k WHERE ${range} AND NOT EXISTS (SELECT 1 FROM ${
          ownTable(table.name)
        } AS t WHERE ${match})`,
      ]);
    },
    save: () => [],
    onBatch: () => {},
    onProgress: () => {},
  });
  const deleted = before - await countOf(database, kept);
  if (deleted > 0) {
    const { bytes } = countsOf(database.dialect, kept);
    await database.write([recountKept(kept, { rows: sql`row_count`, bytes })]);
  }
  return deleted;
}
