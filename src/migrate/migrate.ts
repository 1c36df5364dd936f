import type { StepResult } from "./step_result.ts";
import { locate } from "../history/applied.ts";
import { ledgerPlace } from "../history/ledger/ledger.ts";
import type { State } from "../state/state.ts";
import { type SQL, sql } from "drizzle-orm";
import { type ErrorCode, HarborError } from "../base/errors.ts";
import { goneIndexes } from "./rules/gone_indexes.ts";
import { type Goal, plan, settleGoal, sourceOf, type Step } from "./rules/plan.ts";
import { ownTable } from "../engines/statement_names.ts";
import { createIdentity, readIdentity } from "../engines/backup/identity.ts";
import { createLedger, hasLedger } from "../engines/ledger.ts";
import {
  createVersionTables,
  insertApplied,
  renameApplied,
  updateDurations,
} from "../engines/version_table.ts";
import { type BackfillResult, runBackfill } from "./backfill.ts";
import type { PaceOptions } from "./paced/backfill_walk.ts";
import { type Batch, batchesOf, type BatchOptions } from "./batches.ts";
import { type Kept, readKept } from "../engines/kept_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { clearBeside, isAnyLeft, nothingCleared } from "./clear_beside.ts";
import { clearAhead } from "./kept/ahead.ts";
import { createKeeper, writeKeeping } from "./kept/keeper.ts";
import { type PrunedResult, pruneKept } from "./kept/prune.ts";
import { putBack, type ReturnedResult } from "./kept/put_back.ts";
import { isDue, isGivenUp, isUndoneBy } from "../state/rules/due.ts";
import { requireFreeNames } from "./kept/side_tables.ts";
import { requireKept, resumeReturns, tendKept } from "./kept/tend.ts";
import { lockOptions } from "../state/lock_options.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { isLedgerKept, keepLedger, recordWayBack, recordWaysBack } from "../state/keep_ledger.ts";
import { readState } from "../state/read_state.ts";
import { requireSchemas } from "../state/require_schemas.ts";
import type { LookAhead } from "./preflight.ts";
import { isIndexMade } from "./is_index_made.ts";
import { requireNoListeners } from "../state/listeners.ts";
import { requireRecorded } from "./on_record.ts";
import { recordWhatIsLeft } from "./left_by_scripts.ts";
import { runBeside, type Way, waysOf } from "./run_beside.ts";
import { runTogether } from "./run_together.ts";

/** What will run, decided without changing anything. */
export interface PreparedPlan {
  /** The revision that the database is at; `null` for base. */
  readonly from: string | null;
  readonly to: string | null;
  /** In running order; empty when there is nothing to do. */
  readonly steps: readonly Step[];
  readonly state: State;
  /** All that is kept; nothing where a refusal says that it cannot be read. */
  readonly kept: readonly Kept[];
  /** What of it is to be put back, and was not to the end: a run was interrupted, or is at it. */
  readonly unreturned: readonly Kept[];
  /**
   * Why it may be looked at and not run: others may have written its scripts, or what they bring back (see
   * `Database.requireOwnHands`), or that is gone; or something hangs on harbor-db's own tables.
   */
  readonly refusal: HarborError | null;
}

export interface MigrateResult {
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly StepResult[];
  /** What an earlier run had not put back to the end. */
  readonly returned: readonly ReturnedResult[];
  /** What was kept of rows that were deleted since, and was forgotten. */
  readonly pruned: readonly PrunedResult[];
}

export interface MigrateOptions {
  readonly goal: Goal;
  /** Milliseconds to wait for another harbor-db. */
  readonly lockWaitMs: number;
  /** What the user wants of the pace of backfills. */
  readonly pace?: PaceOptions;
  /** Whether to put aside what steps destroy; they do unless told. */
  readonly keep?: boolean;
  /** Called under the lock when there is something to do, before the first statement; what it throws ends the run. */
  readonly beforeSteps?: (plan: PreparedPlan) => Promise<void>;
  /** Told of each step when it is complete. */
  readonly onStep?: (result: StepResult) => void;
}

/**
 * Decides what a goal means for a database. Reads only, so that `--dry-run` needs no rights and creates nothing.
 *
 * @throws {HarborError} `unmanaged` when the database cannot be taken as it is, `schema_mismatch` when Alembic went
 * on behind harbor-db's back, and all that {@link plan} throws
 */
export async function preparePlan(context: RunContext, goal: Goal): Promise<PreparedPlan> {
  const state = await readState(context);
  if (state.refusal !== null) throw state.refusal;
  const { history } = context;
  const steps = plan(history, state.applied, goal);
  const { done } = locate(history, state.applied);
  const idAt = (count: number) => history.revisions[count - 1]?.id ?? null;
  const to = goal.direction === "upgrade" ? done + steps.length : done - steps.length;
  for (const count of new Set([done, Math.max(done, to)])) {
    requireSchemas(context.database, history.revisions[count - 1]);
  }
  const { kept, refusal } = await readKeptAndRefusal(context, steps, state);
  const { applied } = state;
  const unreturned = kept.filter((each) => isDue(each, { history, applied }) || isGivenUp(each, steps));
  return { from: idAt(done), to: idAt(to), steps, state, kept, unreturned, refusal };
}

/** See {@link PreparedPlan.refusal}: who may write to the ledger says what would run. */
async function readKeptAndRefusal(
  context: RunContext,
  steps: readonly Step[],
  { kind, applied }: State,
): Promise<Pick<PreparedPlan, "kept" | "refusal">> {
  let kept: readonly Kept[] = [];
  try {
    if (kind === "managed") kept = await readKept(context.database);
    if (steps.some((step) => sourceOf(step) === "ledger")) {
      await context.database.requireOwnHands?.(ledgerPlace);
    }
    const [first] = steps;
    if (kind !== "empty" && first !== undefined) {
      await requireNoListeners(context.database, `Cannot ${first.direction} "${first.revision.id}"`);
    }
    await requireKept(context, kept, { steps, applied });
    return { kept, refusal: null };
  } catch (error) {
    if (error instanceof HarborError && refusals.has(error.code)) return { kept, refusal: error };
    throw error;
  }
}

const refusals: ReadonlySet<ErrorCode> = new Set([
  "untrusted_owner",
  "missing_table",
  "not_a_database",
  "schema_mismatch",
]);

/**
 * Takes a database to a goal, under the lock. What another harbor-db did meanwhile is seen: the plan is made again
 * once the lock is held, so that the loser of a race finds nothing to do.
 *
 * @throws {HarborError} as {@link preparePlan} and {@link preflight}; `untrusted_owner`; `locked`; `interrupted`; what the database says,
 * with `details.done`, the steps that are complete, and `details.revision`, the one that is not
 */
export async function migrate(context: RunContext, options: MigrateOptions): Promise<MigrateResult> {
  const first = await preparePlan(context, options.goal);
  const { from, to, steps, state } = first;
  if (first.refusal !== null) throw first.refusal;
  if (steps.length === 0 && state.kind !== "alembic") {
    if (options.goal.direction === "upgrade") await tidyAlone(context, state);
    const cleared = await isAnyLeft(context) ? await clearBeside(context, [], options) : nothingCleared;
    const tended = state.kind === "managed"
      ? await tendKept(context, first, options)
      : { returned: [], pruned: [] };
    return { from, to, steps: [], ...tended, returned: [...cleared.returned, ...tended.returned] };
  }
  const goal = settleGoal(options.goal, first);
  const seen = await lookAhead(context, goal, first);
  return context.database.withLock(async () => {
    const prepared = await preparePlan(context, goal);
    const { from, to, steps, state } = prepared;
    if (prepared.refusal !== null) throw prepared.refusal;
    const ahead = seen !== null && isSameWay(first, prepared)
      ? seen.ahead
      : await preflight(context, from, steps);
    stopIfAsked(context.signal);
    // Before the backup, which has it then as well.
    await identify(context, state);
    const renamed = renameApplied(state.applied);
    if (renamed.length > 0) await context.database.write(renamed);
    const ledger = state.kind !== "managed" || await keepLedger(context, state.applied);
    for (const loss of ahead?.losses ?? []) {
      context.notify({ kind: "note", text: `goes without a successor: ${loss}` });
    }
    for (const constraint of ahead?.unenforced ?? []) {
      context.notify({ kind: "note", text: notEnforcedText(constraint) });
    }
    if (state.kind === "managed" && options.keep !== false) await requireFreeNames(context, steps);
    // Nobody else keeps anything while the lock is held.
    const hasKept = prepared.kept.length > 0;
    if (steps.length > 0) await options.beforeSteps?.(prepared);
    if (state.kind === "alembic") {
      context.notify({ kind: "note", text: `taking over from Alembic at ${from}` });
    }
    if (steps.length === 0 && state.kind === "alembic") {
      await context.database.write(startingBatch(context, state));
    }
    const isNew = state.kind === "empty";
    const { pace = {} } = options;
    const cleared = isNew ? nothingCleared : await clearBeside(context, steps, { pace, lockWaitMs: null });
    const returned = hasKept ? await resumeReturns(context, state.applied, pace) : [];
    const run = (onStep: (result: StepResult) => void) =>
      runSteps(context, steps, { state, ledger, ahead, hasKept, options: { ...options, onStep } });
    const done = await recordWhatIsLeft(context, { ...prepared, onStep: options.onStep }, run);
    const isKept = hasKept || done.some(({ kept }) => kept.length > 0);
    const isPruned = isKept && state.kind === "managed" && steps[0]?.direction === "upgrade";
    return {
      from,
      to,
      steps: done,
      returned: [...cleared.returned, ...returned],
      pruned: isPruned ? await pruneKept(context) : [],
    };
  }, lockOptions(context, options.lockWaitMs));
}

/** Says of a constraint that nothing enforces it. */
export function notEnforcedText(constraint: string): string {
  return `not enforced, because triggers are disabled: ${constraint}`;
}

/** Looks ahead as `preflight` does; of a new database only at the user's rights. */
export async function preflight(
  context: RunContext,
  from: string | null,
  steps: readonly Step[],
): Promise<LookAhead | null> {
  if (steps.length === 0) return null;
  if (from === null) {
    const { rightsError } = await import("../state/check_rights.ts");
    const forbidden = await rightsError("upgrade", context);
    if (forbidden !== null) throw forbidden;
    return null;
  }
  context.notify({ kind: "doing", text: "looking ahead" });
  const seen = await (await import("./preflight.ts")).preflight(context, from, steps);
  context.notify({ kind: "done" });
  return seen;
}

/**
 * Runs {@link preflight} before there is a lock, so that a refusal leaves nothing behind.
 *
 * @returns What was seen; `null` when another harbor-db was at work, and all is looked at again under the lock
 */
async function lookAhead(
  context: RunContext,
  goal: Goal,
  plan: PreparedPlan,
): Promise<{ readonly ahead: LookAhead | null } | null> {
  try {
    return { ahead: await preflight(context, plan.from, plan.steps) };
  } catch (error) {
    const isMoving = await context.database.lockHolder() !== undefined ||
      !isSameWay(plan, await preparePlan(context, goal));
    if (isMoving) return null;
    throw error;
  }
}

/** Whether two plans begin at the same place. */
function isSameWay(a: PreparedPlan, b: PreparedPlan): boolean {
  return a.from === b.from && a.steps[0]?.resume?.statementsDone === b.steps[0]?.resume?.statementsDone;
}

/**
 * Returns the batches of every step in running order, in the ways in which {@link migrate} would run them now, with
 * backfills as the whole statement that their batches add up to. Reads only.
 */
export async function waysOfPlan(
  context: RunContext,
  { steps, state }: PreparedPlan,
): Promise<readonly Way[]> {
  const isNew = state.kind === "managed" && !await hasLedger(context.database);
  const batches = steps.flatMap((step, index) => {
    const options = batchOptions(context, state, { step, isFirst: index === 0, ledger: true });
    const before = isNew && index === 0 ? createLedger(context.database.dialect) : [];
    return [...batchesOf(step, { ...options, before: [...options.before, ...before] })]
      .map((batch) => ({ step, batch }));
  });
  return waysOf(context.database, batches);
}

async function runSteps(
  context: RunContext,
  steps: readonly Step[],
  { state, ledger, ahead, hasKept, options: { pace = {}, keep = true, onStep } }: {
    readonly state: State;
    readonly ledger: boolean;
    readonly ahead: LookAhead | null;
    /** Whether anything is kept at the start. */
    readonly hasKept: boolean;
    readonly options: MigrateOptions;
  },
): Promise<readonly StepResult[]> {
  const optionsAt = (index: number) =>
    batchOptions(context, state, { step: steps[index]!, isFirst: index === 0, ledger });
  if (!keep) await clearAhead(context, []);
  const done: StepResult[] = [];
  const timed: StepResult[] = [];
  let alone = state.kind === "empty" ? 0 : steps.length;
  while (done.length < steps.length) {
    const index = done.length;
    if (alone === 0) {
      const group = await runTogether(context, steps.slice(index), (each) => optionsAt(index + each));
      done.push(...group.done);
      group.done.forEach((result) => onStep?.(result));
      alone = group.alone;
      continue;
    }
    const step = steps[index]!;
    try {
      stopIfAsked(context.signal);
      if (index > 0) await ahead?.before(step);
      const isKept = hasKept || done.some(({ kept }) => kept.length > 0);
      const result = await runStep(context, step, { ...optionsAt(index), pace, keep, isKept });
      done.push(result);
      timed.push(result);
      onStep?.(result);
      // What comes next may make again what was kept.
      alone = result.kept.length > 0 ? steps.length : alone - 1;
    } catch (error) {
      throw withProgress(error, step, done);
    }
  }
  const upgraded = timed.filter((result) => result.direction === "upgrade");
  if (upgraded.length > 0) {
    await context.database.write([updateDurations(upgraded)]);
  }
  return done;
}

async function runStep(
  context: RunContext,
  step: Step,
  options: BatchOptions & {
    readonly pace: PaceOptions;
    readonly keep: boolean;
    /** Whether an earlier step left anything aside: only then is there something to put back. */
    readonly isKept: boolean;
  },
): Promise<StepResult> {
  const { revision, direction } = step;
  const { database, notify, now } = context;
  const source = sourceOf(step);
  if (source === "ledger") {
    notify({
      kind: "note",
      text: `the ${direction} script of ${revision.id} comes from the database itself: ${reasonFor(step)}`,
    });
  }
  notify({ kind: "step", id: revision.id, name: revision.name, direction });
  const startedAt = now().getTime();
  const backfills: BackfillResult[] = [];
  const keeper = createKeeper(context, step, { keeps: options.keep, isKept: options.isKept });
  for (const batch of batchesOf(step, options)) {
    stopIfAsked(context.signal);
    if (batch.backfill !== null) {
      const { backfill, statements: [, ...record] } = batch;
      const { pace } = options;
      const keeping = await keeper.planBackfill(backfill, batch.statement!);
      const task = { revision: revision.id, statement: batch.statement!, backfill, record, pace, keeping };
      backfills.push(await runBackfill(context, task));
      await keeper.settleBackfill(keeping);
    } else if (batch.script !== null && database.beside !== undefined) {
      await runBeside(context, batch.script, { pace: options.pace, keeper });
    } else if (!await isMade(context, batch, step)) {
      const keeping = batch.script === null
        ? null
        : await keeper.plan(batch.script.start, batch.script.statements.length);
      await keeper.settle(await writeKeeping(context, batch, { keeping, pace: options.pace }));
    }
  }
  await requireRecorded(context, step);
  const undone = { history: context.history, revision: revision.id, direction };
  const returned = options.isKept
    ? await putBack(context, (kept) => isUndoneBy(kept, undone), options.pace)
    : [];
  return {
    revision: revision.id,
    name: revision.name,
    direction,
    source,
    ms: now().getTime() - startedAt,
    backfills,
    kept: await keeper.kept(),
    returned,
  };
}

/** Says why the database's own script is run, and not one of the history. */
function reasonFor({ revision: { ledger } }: Step): string {
  return ledger === undefined
    ? "the downgrade began with it, and the history's is another one now"
    : `this history does not have it, and harbor-db ${ledger.recordedBy} put it there`;
}

/** Says whether an interrupted run already made the index of a lone statement. */
async function isMade({ database }: RunContext, batch: Batch, step: Step): Promise<boolean> {
  const isResumed = batch.statement !== null && step.resume?.statementsDone === batch.statement;
  return batch.makesIndex !== null && isResumed && await isIndexMade(database, batch.makesIndex);
}

function batchOptions(
  context: RunContext,
  state: State,
  { step, isFirst, ledger }: { readonly step: Step; readonly isFirst: boolean; readonly ledger: boolean },
): BatchOptions {
  return {
    before: [
      ...isFirst && state.kind !== "managed" ? startingBatch(context, state) : [],
      ...goneIndexes(context.history, step).map((name) => sql`DROP INDEX IF EXISTS ${ownTable(name)}`),
    ],
    ledger: ledger ? (revision) => recordWayBack(context, revision) : null,
    alembic: state.alembic !== null,
    version: context.version,
    now: context.now,
  };
}

/** Returns what makes a database managed: the tables, and on one that Alembic made the revisions that it has. */
function startingBatch(context: RunContext, { applied }: State): readonly SQL[] {
  const { dialect } = context.database;
  return [
    ...createVersionTables,
    ...createIdentity(dialect),
    ...createLedger(dialect),
    ...applied.flatMap((row) => [insertApplied(row), ...recordWaysBack(context, [row])]),
  ];
}

/** Gives a database its identity that an earlier release took over; one that may not make tables goes without. */
async function identify({ database, notify }: RunContext, { kind }: State): Promise<void> {
  if (kind !== "managed" || (await readIdentity(database)).id !== null) return;
  try {
    await database.write(createIdentity(database.dialect));
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "read_only") throw error;
    notify({ kind: "note", text: `the database is known by its address only: ${error.message}` });
  }
}

/**
 * Gives a database what an earlier release did not where there is nothing else to do: its identity and its ledger. It can
 * wait for the next time: what it failed for stops nobody here.
 */
async function tidyAlone(context: RunContext, { kind, applied }: State): Promise<void> {
  const { database } = context;
  if (kind !== "managed") return;
  try {
    const isKnown = (await readIdentity(database)).id !== null;
    if (isKnown && await isLedgerKept(context, applied)) return;
    await database.withLock(async () => {
      const state = await readState(context);
      if (state.kind !== "managed" || state.refusal !== null) return;
      await identify(context, state);
      await keepLedger(context, state.applied);
    });
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
  }
}

/** Adds to an error what was done before it, and how to go on. */
function withProgress(error: unknown, step: Step, done: readonly StepResult[]): unknown {
  if (!(error instanceof HarborError)) return error;
  const { revision, direction, script } = step;
  const at = error.details.index === undefined ? null : lineOf(step, error.details.statement);
  const place = at === null ? "" : ` (${script.file}:${at})`;
  const facts = { details: { revision: revision.id, done }, cause: error };
  // A look before the step says itself which one it is.
  if (["interrupted", "over_budget", "data_conflict", "schema_mismatch"].includes(error.code)) {
    return error.with(facts);
  }
  return error.with({
    message: `Cannot ${direction} "${revision.id}" (${revision.name})${place}`,
    state: error.message,
    ...facts,
  });
}

function lineOf({ script }: Step, text: string | undefined): number | null {
  return script.statements.find((statement) => statement.sql === text)?.line ?? null;
}
