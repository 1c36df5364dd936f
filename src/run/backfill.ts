import type { SQL } from "drizzle-orm";
import { keyShare } from "../core/key_share.ts";
import type { Backfill } from "../core/script.ts";
import { type BackfillState, insertBackfill, readBackfills, updateBackfill } from "../db/version_table.ts";
import { createWalker, type PaceOptions, type Stretch } from "./backfill_walk.ts";
import { countKeys, type Place, readEdgeKey, updateWithin, type Window } from "./backfill_window.ts";
import type { RunContext } from "./context.ts";

/** How many rows that came meanwhile are left to the closing batch. */
const mostLeft = 1_000;
/** How often the end is moved up to rows that came meanwhile. */
const mostRounds = 10;
/** How often rows are looked for that were changed behind the batches' back. */
const mostSweeps = 3;

/** What a backfill did, as reported. */
export interface BackfillResult {
  readonly table: string;
  /** Rows changed. */
  readonly rows: number;
  readonly batches: number;
  /** For how long the longest batch kept its locks. */
  readonly longestBatchMs: number;
}

/** Which backfill to run, and what closes it. */
export interface BackfillTask {
  readonly revision: string;
  /** Its place in the script, from 0. */
  readonly statement: number;
  readonly backfill: Backfill;
  /** What records it as done, in the batch that changes the last rows. */
  readonly record: readonly SQL[];
  readonly pace: PaceOptions;
}

/**
 * Runs a backfill in key-range batches, each its own transaction that also saves the cursor.
 *
 * The end is fixed at the highest key when it starts, so that it does not chase new rows, and moved up when many came
 * meanwhile. Then it looks for rows that the application changed or inserted behind the cursor. The closing batch
 * takes those that came last. An interrupted backfill goes on after its last batch.
 *
 * @throws {HarborError} `interrupted` between two batches, `busy` when the database could not bear another batch for a
 * long time, or what the database says
 */
export async function runBackfill(context: RunContext, task: BackfillTask): Promise<BackfillResult> {
  const { database, now } = context;
  const { backfill, record, pace: options } = task;
  const pace = await database.pace(backfill.table);
  const walker = createWalker(context, backfill, { pace, options });
  let state = await openState(context, task);
  const showProgress = progressMeter(context, backfill, {
    first: state.lastKey ?? await readEdgeKey(database, backfill, "lowest"),
    state: () => state,
  });

  const stretch = (from: Place, save: (window: Window) => Partial<BackfillState>): Stretch => ({
    from,
    end: state.endKey,
    save: (window) => [
      updateBackfill({
        ...state,
        ...save(window),
        rows: state.rows + window.matching,
        batches: state.batches + 1,
      }),
    ],
    onBatch: (window, { rows, heldMs }) => {
      state = {
        ...state,
        ...save(window),
        rows: state.rows + rows,
        batches: state.batches + 1,
        longestBatchMs: Math.max(state.longestBatchMs, Math.round(heldMs)),
      };
    },
    onProgress: showProgress,
  });

  for (let round = 0; round < mostRounds; round++) {
    await walker.walk(stretch(after(state.lastKey), ({ last }) => ({ lastKey: last })));
    const came = await countKeys(database, backfill, { from: after(state.endKey), atMost: mostLeft + 1 });
    if (came <= mostLeft) break;
    state = { ...state, lastKey: state.endKey, endKey: await readEdgeKey(database, backfill, "highest") };
  }
  // Where nothing was changed, nothing can have come behind.
  for (
    let sweeps = 0, before = 0;
    sweeps < mostSweeps && state.rows > before && isRepeatable(backfill);
    sweeps++
  ) {
    before = state.rows;
    await walker.walk(stretch(after(null), () => ({})));
  }

  const finished = { ...state, batches: state.batches + 1, finishedAt: now().toISOString() };
  const [rows = 0] = await database.write([
    updateWithin(backfill, { from: after(state.endKey), end: null }),
    ...record,
    updateBackfill(finished),
  ]);
  const { heldMs } = await pace.relax();
  return {
    table: backfill.table,
    rows: finished.rows + rows,
    batches: finished.batches,
    longestBatchMs: Math.max(finished.longestBatchMs, Math.round(heldMs)),
  };
}

/** A change without a condition would change every row again. */
function isRepeatable({ condition }: Backfill): boolean {
  return condition !== null;
}

function after(key: string | null): Place {
  return { key, isAhead: false };
}

/** Returns the saved state of an interrupted run, or puts a new one on record. */
async function openState({ database, now }: RunContext, task: BackfillTask): Promise<BackfillState> {
  const saved = (await readBackfills(database)).find((state) =>
    state.revision === task.revision && state.statement === task.statement && state.finishedAt === null
  );
  if (saved !== undefined) return saved;
  const state: BackfillState = {
    revision: task.revision,
    statement: task.statement,
    table: task.backfill.table,
    lastKey: null,
    endKey: await readEdgeKey(database, task.backfill, "highest"),
    rows: 0,
    batches: 0,
    longestBatchMs: 0,
    startedAt: now().toISOString(),
    finishedAt: null,
  };
  await database.write(insertBackfill(state));
  return state;
}

/** Returns what tells the user how far a backfill is. The number of rows is estimated from the keys. */
function progressMeter(
  { notify }: RunContext,
  { table }: Backfill,
  { first, state }: { readonly first: string | null; readonly state: () => BackfillState },
): Stretch["onProgress"] {
  const startedAt = performance.now();
  let passed = 0;
  return ({ last, walked, size }) => {
    const { endKey: end, longestBatchMs } = state();
    passed += walked;
    const share = keyShare({ first, last, end });
    const total = share === null || share === 0 ? null : Math.round(passed / share);
    notify({
      kind: "backfill",
      table,
      passed,
      total,
      batchRows: size,
      longestBatchMs,
      elapsedMs: performance.now() - startedAt,
    });
  };
}
