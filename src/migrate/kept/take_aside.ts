import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { handedKey } from "../../engines/beside.ts";
import type { Database } from "../../engines/database.ts";
import {
  becameColumn,
  keepingName,
  type Kept,
  keptRow,
  readKept,
  recountKept,
  updateKept,
  wasColumn,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { createWalker, type PaceOptions } from "../paced/backfill_walk.ts";
import { readEdgeKey } from "../paced/backfill_window.ts";
import { allRows, tellProgress } from "../paced/walk_table.ts";
import { hasStayed } from "./changed_values.ts";
import { ungivenRows } from "./given_values.ts";
import { columnsOf, countsOf } from "./side/contents.ts";
import { requireSideTables, requireThere } from "./side_tables.ts";
import { list, words } from "./side/words.ts";

/**
 * Ends what changes beside writers leave of it to put aside: the table as it was is there under another name, and nobody writes to
 * it any more. Its rows go from there in batches, each with what is kept of it, so that a run which was stopped goes on there.
 *
 * @returns What was still to be put aside
 * @throws {HarborError} `interrupted` between two batches; `missing_table` when a side table is gone
 */
export async function takeAside(context: RunContext, pace: PaceOptions = {}): Promise<readonly Kept[]> {
  const kept = (await readKept(context.database)).filter(({ state }) => state === "keeping");
  await requireThere(context.database, kept);
  for (const taking of await takingsOf(context.database, kept)) {
    if (taking.source !== null) {
      await requireSideTables(context.database, taking.members);
      await moveRows(context, { ...taking, source: taking.source }, pace);
    }
    await close(context.database, taking);
  }
  return kept;
}

/** What is put aside of one table at once. */
interface Taking {
  /** The table to take it from; `null` where all that goes was put aside before it went, and needs but to be counted. */
  readonly source: string | null;
  readonly members: readonly Kept[];
}

/** One change hands over one table, under the first number of what is kept of it. */
async function takingsOf(database: Database, all: readonly Kept[]): Promise<readonly Taking[]> {
  const owners: Kept[] = [];
  for (const kept of all) if (await isThere(database, kept)) owners.push(kept);
  const isOf = (owner: Kept, { revision, direction, table }: Kept) =>
    owner.revision === revision && owner.direction === direction && owner.table === table;
  const others = all.filter((kept) => !owners.includes(kept));
  return [
    ...owners.map((owner) => ({
      source: keepingName(owner.id),
      members: [owner, ...others.filter((kept) => isOf(owner, kept))],
    })),
    ...others.filter((kept) => !owners.some((owner) => isOf(owner, kept)))
      .map((kept) => ({ source: null, members: [kept] })),
  ];
}

/** Whether there is a table to take it from. */
async function isThere(database: Database, { id }: Kept): Promise<boolean> {
  try {
    await database.read(sql`SELECT 1 AS found FROM ${ownTable(keepingName(id))} LIMIT 1`);
    return true;
  } catch (error) {
    if (error instanceof HarborError && error.code === "missing_table") return false;
    throw error;
  }
}

async function moveRows(
  context: RunContext,
  { source, members }: Taking & { readonly source: string },
  options: PaceOptions,
): Promise<void> {
  const { database, notify } = context;
  const { table } = members[0]!;
  const names = await namesIn(database, { source, members });
  const puts: Awaited<ReturnType<typeof putOf>>[] = [];
  for (const kept of members) puts.push(await putOf(database, kept, { source, names }));
  notify({ kind: "doing", text: `putting aside what went of ${table}` });
  await createWalker(context, allRows(source, handedKey), { pace: await database.pace(source), options })
    .walk({
      from: { key: null, isAhead: false },
      end: null,
      change: async ({ end }) => {
        const batch: SQL[] = [];
        for (const put of puts) batch.push(...await put(end));
        return [...batch, sql`DELETE FROM ${ownTable(source)} WHERE ${sql.identifier(handedKey)} <= ${end}`];
      },
      save: () => [],
      ...tellProgress(notify, table),
    });
  notify({ kind: "done" });
}

/**
 * Returns what columns are called in a table that was handed over, by the names of side tables: those that change, and what becomes of
 * them. Harbor-db up to 0.1.0 handed over only what becomes another value by the new column's affinity alone, and told nothing besides.
 */
async function namesIn(
  database: Database,
  { source, members }: Taking & { readonly source: string },
): Promise<ReadonlyMap<string, string>> {
  const there = await columnsOf(database, source);
  return new Map(
    members.filter(({ kind }) => kind === "changed").flatMap(({ columns }) =>
      columns.flatMap(({ name }, place): readonly (readonly [string, string])[] =>
        there.includes(wasColumn(place)) ? [[name, wasColumn(place)]] : [[becameColumn(place), name]]
      )
    ),
  );
}

/** Returns what puts aside all rows up to one: what is behind them went before. */
async function putOf(
  database: Database,
  kept: Kept,
  { source, names: called }: { readonly source: string; readonly names: ReadonlyMap<string, string> },
): Promise<(end: string) => Promise<readonly SQL[]>> {
  const columns = await columnsOf(database, kept.sideTable);
  const own = words[database.dialect];
  const side = ownTable(kept.sideTable);
  // All that the side table has: without a key, its rows are known by everything else that is in them.
  const names = columns.filter((name) => name !== keptRow);
  const values = names.map((name) => sql`t.${sql.identifier(called.get(name) ?? name)}`);
  const isMore = ungivenRows(own, kept.columns);
  const key = sql.identifier(handedKey);
  const numbered = allRows(kept.sideTable, keptRow);
  return async (end) => {
    const put = sql`INSERT INTO ${side} (${list(names.map((name) => sql.identifier(name)))}) SELECT ${
      list(values)
    } FROM ${ownTable(source)} AS t WHERE t.${key} <= ${end}${
      isMore === null ? sql`` : sql` AND ${isMore}`
    } ORDER BY t.${key}`;
    if (kept.kind !== "changed" || kept.columns.some(({ keepsAll }) => keepsAll)) return [put];
    const last = Number(await readEdgeKey(database, numbered, "highest") ?? 0);
    const isNew = sql`${sql.identifier(keptRow)} > ${sql.raw(String(last))}`;
    // What became of a value is made of it by a column of the copy's affinity.
    return [put, sql`DELETE FROM ${side} WHERE ${isNew} AND ${hasStayed(own, kept)}`];
  };
}

/** Counts before it writes, so that nobody waits for that. */
async function close(database: Database, { source, members }: Taking): Promise<void> {
  const records: SQL[] = [];
  for (const kept of members) {
    const { rows, bytes } = countsOf(database.dialect, kept);
    const [found] = await database.read<Record<"rows" | "bytes", number | bigint | string>>(
      sql`SELECT ${rows} AS rows, ${bytes} AS bytes`,
    );
    records.push(
      recountKept(kept, { rows: sql`${Number(found!.rows)}`, bytes: sql`${Number(found!.bytes)}` }),
      updateKept({ ...kept, state: "kept", lastRow: 0 }),
    );
  }
  await database.write([
    ...source === null ? [] : [sql`DROP TABLE IF EXISTS ${ownTable(source)}`],
    ...records,
  ]);
}
