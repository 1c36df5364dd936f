import type { Backfill } from "../../history/scripts/statement.ts";
import type { SQL } from "drizzle-orm";
import { keyShare } from "./rules/key_share.ts";
import type { Pace } from "../../engines/database.ts";
import {
  type BackfillState,
  insertBackfill,
  readBackfills,
  updateBackfill,
} from "../../engines/version_table.ts";
import { createWalker, type PaceOptions, type Stretch } from "../paced/backfill_walk.ts";
import { repeatableCondition } from "../../sql/repeatable_update.ts";
import {
  countKeys,
  type KeyPlace,
  readEdgeKey,
  updateWithin,
  type Window,
} from "../paced/backfill_window.ts";
import type { BackfillKeeping } from "../kept/keep_backfill.ts";
import type { RunContext } from "../../engines/run_context.ts";

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
  /** Set where the rows were deleted. */
  readonly deletes?: true;
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
  /** What puts aside what it changes; `null` when nothing has to be. */
  readonly keeping: BackfillKeeping | null;
}

/**
 * Runs a backfill in key-range batches, each its own transaction that also saves the cursor.
 *
 * The end is fixed at the highest key when it starts, so that it does not chase new rows, and moved up when many came
 * meanwhile. Then, where no row can be changed twice by that, it looks for rows that the application changed or inserted
 * behind the cursor. The closing batch takes those that came last. An interrupted backfill goes on after its last batch.
 *
 * @throws {HarborError} `interrupted` between two batches, `busy` when the database could not bear another batch for a
 * long time, or what the database says
 */
export async function runBackfill(context: RunContext, task: BackfillTask): Promise<BackfillResult> {
  const { database } = context;
  const { backfill } = task;
  const pace = await database.pace(backfill.table);
  const saved = await readSaved(context, task);
  const isSmall = saved === undefined &&
    await countKeys(database, backfill, { from: after(null), atMost: mostLeft + 1 }) <= mostLeft;
  const state = isSmall
    ? newState(context, task, null)
    : await walk(context, task, { state: saved ?? await begin(context, task), pace });

  const finished = { ...state, batches: state.batches + 1, finishedAt: context.now().toISOString() };
  const range = { from: after(state.endKey), end: null };
  const { before = [], change = updateWithin(backfill, range), after: noted = [] } =
    await task.keeping?.batch(range) ?? {};
  const { [before.length]: rows = 0 } = await database.write([
    ...before,
    change,
    ...noted,
    ...task.keeping?.closing ?? [],
    ...task.record,
    ...(isSmall ? insertBackfill(finished) : [updateBackfill(finished)]),
  ]);
  const { heldMs } = await pace.relax();
  return {
    table: backfill.table,
    rows: finished.rows + rows,
    batches: finished.batches,
    longestBatchMs: Math.max(finished.longestBatchMs, Math.round(heldMs)),
    ...backfill.deletes ? { deletes: backfill.deletes } : {},
  };
}

/** Changes all rows but those that come last, and returns how far it came. */
async function walk(
  context: RunContext,
  { backfill, keeping, pace: options }: BackfillTask,
  { state: from, pace }: { readonly state: BackfillState; readonly pace: Pace },
): Promise<BackfillState> {
  const { database } = context;
  const walker = createWalker(context, backfill, { pace, options });
  const again = repeatableCondition(backfill, database.dialect);
  let state = from;
  const showProgress = progressMeter(context, backfill, {
    isSwept: again !== null,
    first: state.lastKey ?? await readEdgeKey(database, backfill, "lowest"),
    state: () => state,
  });

  const stretch = (
    from: KeyPlace,
    save: (window: Window) => Partial<BackfillState>,
    swept: Backfill | null = null,
  ): Stretch => ({
    from,
    end: state.endKey,
    ...keeping === null ? {} : {
      change: async (range) => {
        const { before, change, after } = await keeping.batch(range, swept ?? undefined);
        return [...before, change, ...after];
      },
    },
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
    onProgress: showProgress(swept !== null),
  });

  for (let round = 0; round < mostRounds; round++) {
    await walker.walk(stretch(after(state.lastKey), ({ last }) => ({ lastKey: last })));
    const came = await countKeys(database, backfill, { from: after(state.endKey), atMost: mostLeft + 1 });
    if (came <= mostLeft) break;
    state = { ...state, lastKey: state.endKey, endKey: await readEdgeKey(database, backfill, "highest") };
  }
  if (again === null) return state;
  const swept = { ...backfill, condition: again };
  const sweeper = createWalker(context, swept, { pace, options });
  // Where nothing was changed, nothing can have come behind.
  for (let sweeps = 0, before = 0; sweeps < mostSweeps && state.rows > before; sweeps++) {
    before = state.rows;
    await sweeper.walk(stretch(after(null), () => ({}), swept));
  }
  return state;
}

function after(key: string | null): KeyPlace {
  return { key, isAhead: false };
}

/** Returns the state in which an earlier run was interrupted. */
async function readSaved(
  { database }: RunContext,
  task: BackfillTask,
): Promise<BackfillState | undefined> {
  return (await readBackfills(database)).find((state) =>
    state.revision === task.revision && state.statement === task.statement && state.finishedAt === null
  );
}

/** Puts a new backfill on record, up to the key that is the highest now. */
async function begin(context: RunContext, task: BackfillTask): Promise<BackfillState> {
  const { database } = context;
  const state = newState(context, task, await readEdgeKey(database, task.backfill, "highest"));
  await database.write(insertBackfill(state));
  return state;
}

/** Returns the statements that record a backfill of an empty table, which is a single batch. */
export function recordAtOnce(
  context: RunContext,
  task: Pick<BackfillTask, "revision" | "statement" | "backfill">,
): readonly SQL[] {
  const finishedAt = context.now().toISOString();
  return insertBackfill({ ...newState(context, task, null), batches: 1, finishedAt });
}

function newState(
  { now }: RunContext,
  { revision, statement, backfill: { table } }: Pick<BackfillTask, "revision" | "statement" | "backfill">,
  endKey: string | null,
): BackfillState {
  return {
    revision,
    statement,
    table,
    lastKey: null,
    endKey,
    rows: 0,
    batches: 0,
    longestBatchMs: 0,
    startedAt: now().toISOString(),
    finishedAt: null,
  };
}

/** How much of the way the first walk is when the table is then looked through for what came behind it. */
const walkShare = 0.9;

/** Returns what tells the user how far a backfill is, which is known from the keys. */
function progressMeter(
  { notify }: RunContext,
  backfill: Backfill,
  { isSwept, first, state }: {
    /** Whether the table is looked through once more. */
    readonly isSwept: boolean;
    readonly first: string | null;
    readonly state: () => BackfillState;
  },
): (isSweep: boolean) => Stretch["onProgress"] {
  const { table } = backfill;
  const startedAt = performance.now();
  let passed = 0;
  let most = 0;
  return (isSweep) => ({ last, walked, size }) => {
    const { endKey: end, longestBatchMs } = state();
    if (!isSweep) passed += walked;
    const keys = keyShare({ first, last, end });
    const whole = isSwept ? walkShare : 1;
    if (keys !== null) most = Math.max(most, isSweep ? whole + (1 - whole) * keys : whole * keys);
    notify({
      kind: "backfill",
      table,
      passed,
      share: keys === null ? null : most,
      batchRows: size,
      longestBatchMs,
      elapsedMs: performance.now() - startedAt,
    });
  };
}
