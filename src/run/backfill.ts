import { setTimeout as sleep } from "node:timers/promises";
import { type SQL, sql } from "drizzle-orm";
import type { Backfill } from "../core/script.ts";
import { type BackfillState, insertBackfill, readBackfills, updateBackfill } from "../db/version_table.ts";
import type { RunContext } from "./context.ts";
import { stopIfAsked } from "../core/interrupt.ts";

/** Rows of one batch. */
const batchSize = 1_000;
/** How often the end is moved up to rows that came meanwhile, before the closing batch takes what is left. */
const mostRounds = 10;

/** What a backfill did, as reported. */
export interface BackfillResult {
  readonly table: string;
  /** Rows changed. */
  readonly rows: number;
  readonly batches: number;
  readonly longestBatchMs: number;
}

/** Which backfill to run, and what closes it. */
export interface BackfillTask {
  readonly revision: string;
  /** Its place in the script, from 0. */
  readonly statement: number;
  readonly backfill: Backfill;
  /**
   * The statement over the whole table, then what records it as done. It runs last, in one batch, and changes only
   * the rows that came behind the batches' back.
   */
  readonly closing: readonly SQL[];
}

/**
 * Runs a backfill in key-range batches, each its own transaction that also saves the cursor.
 *
 * The end is fixed at the highest key when it starts, so that it does not chase new rows; what the application
 * inserted or changed meanwhile is swept in the closing batch. An interrupted backfill goes on after its last batch.
 *
 * @throws {HarborError} `interrupted` between two batches, or what the database says
 */
export async function runBackfill(context: RunContext, task: BackfillTask): Promise<BackfillResult> {
  const { database } = context;
  let state = await openState(context, task);
  for (let round = 0; round < mostRounds; round++) {
    state = await runRange(context, task, state);
    const endKey = await nextEnd(context, task, state);
    if (endKey === null) break;
    state = { ...state, endKey };
  }
  const finished = { ...state, finishedAt: context.now().toISOString() };
  const { ms, value: changed } = await timed(() =>
    database.write([...task.closing, updateBackfill(finished)])
  );
  return {
    table: task.backfill.table,
    rows: state.rows + changed[0]!,
    batches: state.batches + 1,
    longestBatchMs: Math.max(state.longestBatchMs, ms),
  };
}

/** Returns the saved state of an interrupted run, or puts a new one on record. */
async function openState(context: RunContext, task: BackfillTask): Promise<BackfillState> {
  const { database } = context;
  const saved = (await readBackfills(database)).find((state) =>
    state.revision === task.revision && state.statement === task.statement && state.finishedAt === null
  );
  if (saved !== undefined) return saved;
  const { table } = task.backfill;
  const state: BackfillState = {
    revision: task.revision,
    statement: task.statement,
    table,
    lastKey: null,
    endKey: await highestKey(context, task),
    rows: 0,
    batches: 0,
    longestBatchMs: 0,
    startedAt: context.now().toISOString(),
    finishedAt: null,
  };
  await database.write(insertBackfill(state));
  return state;
}

/** Runs the batches up to the state's end. */
async function runRange(
  context: RunContext,
  task: BackfillTask,
  start: BackfillState,
): Promise<BackfillState> {
  const { database, signal, notify } = context;
  const { table, key, update, condition } = task.backfill;
  const name = { table: sql.identifier(table), key: sql.identifier(key) };
  const total = await countKeys(context, task, start);
  const startedAt = context.now().getTime();
  let state = start;
  let passed = 0;
  while (true) {
    stopIfAsked(signal);
    const after = state.lastKey === null ? sql`TRUE` : sql`${name.key} > ${state.lastKey}`;
    const [batch] = await database.read<{ last: string | null; size: number | bigint | string }>(
      sql`SELECT CAST(max(k) AS TEXT) AS last, count(*) AS size FROM (SELECT ${name.key} AS k FROM ${name.table} WHERE ${after} AND ${name.key} <= ${state.endKey} ORDER BY ${name.key} LIMIT ${batchSize}) AS batch`,
    );
    const last = batch!.last;
    if (last === null) return state;
    const wanted = condition === null ? sql`TRUE` : sql`(${sql.raw(condition)}\n)`;
    const next = { ...state, lastKey: last, batches: state.batches + 1 };
    const { ms, value: changed } = await timed(() =>
      database.write([
        sql`${sql.raw(update)} WHERE ${wanted} AND ${after} AND ${name.key} <= ${last}`,
        updateBackfill(next),
      ])
    );
    state = { ...next, rows: next.rows + changed[0]!, longestBatchMs: Math.max(next.longestBatchMs, ms) };
    passed += Number(batch!.size);
    notify({ kind: "backfill", table, passed, total, elapsedMs: context.now().getTime() - startedAt });
    // A pause as long as the batch lets writers in that wait for the lock.
    await sleep(Math.min(ms, 100));
  }
}

/** Returns a new end when more rows came behind the old one than one batch should take, else `null`. */
async function nextEnd(
  context: RunContext,
  task: BackfillTask,
  state: BackfillState,
): Promise<string | null> {
  const { table, key } = task.backfill;
  const column = sql.identifier(key);
  const after = state.endKey === null ? sql`TRUE` : sql`${column} > ${state.endKey}`;
  const [row] = await context.database.read<{ size: number | bigint | string }>(
    sql`SELECT count(*) AS size FROM (SELECT 1 FROM ${sql.identifier(table)} WHERE ${after} LIMIT ${
      batchSize + 1
    }) AS rest`,
  );
  return Number(row!.size) > batchSize ? await highestKey(context, task) : null;
}

async function highestKey(context: RunContext, { backfill }: BackfillTask): Promise<string | null> {
  const [row] = await context.database.read<{ highest: string | null }>(
    sql`SELECT CAST(max(${sql.identifier(backfill.key)}) AS TEXT) AS highest FROM ${
      sql.identifier(backfill.table)
    }`,
  );
  return row!.highest;
}

async function countKeys(
  context: RunContext,
  { backfill }: BackfillTask,
  state: BackfillState,
): Promise<number> {
  const column = sql.identifier(backfill.key);
  const after = state.lastKey === null ? sql`TRUE` : sql`${column} > ${state.lastKey}`;
  const [row] = await context.database.read<{ size: number | bigint | string }>(
    sql`SELECT count(*) AS size FROM ${
      sql.identifier(backfill.table)
    } WHERE ${after} AND ${column} <= ${state.endKey}`,
  );
  return Number(row!.size);
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const start = performance.now();
  const value = await work();
  return { ms: Math.round(performance.now() - start), value };
}
