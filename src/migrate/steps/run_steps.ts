import { sql } from "drizzle-orm";
import { isUndoneBy } from "../../state/rules/due.ts";
import { HarborError } from "../../base/errors.ts";
import { hideSecrets } from "../../base/secrets/hide_secrets.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import { createLedger, hasLedger } from "../../engines/ledger.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { updateDurations } from "../../engines/version_table.ts";
import { clearAhead } from "../kept/ahead.ts";
import { requireInside } from "../kept/outside.ts";
import { createKeeper, writeKeeping } from "../kept/keeper.ts";
import { putBack } from "../kept/put_back.ts";
import type { PaceOptions } from "../paced/backfill_walk.ts";
import { goneIndexes } from "./rules/gone_indexes.ts";
import { sourceOf, type Step } from "../rules/plan.ts";
import { recordWaysBack } from "../../state/keep_ledger.ts";
import type { State } from "../../state/state.ts";
import { type BackfillResult, runBackfill } from "./backfill.ts";
import { type Batch, batchesOf, type BatchOptions } from "./batches.ts";
import { isIndexMade } from "./is_index_made.ts";
import { startingBatch } from "./managed.ts";
import { requireRecorded } from "./on_record.ts";
import type { LookAhead } from "../preflight/preflight.ts";
import { runBeside, type Way, waysOf } from "./run_beside.ts";
import { runTogether } from "./run_together.ts";
import type { StepResult } from "./step_result.ts";

/** What the user wants of the steps of a run. */
export interface StepsOptions {
  /** What the user wants of the pace of backfills. */
  readonly pace?: PaceOptions;
  /** Whether to put aside what steps destroy; they do unless told. */
  readonly keep?: boolean;
  /** Told of each step when it is complete. */
  readonly onStep?: (result: StepResult) => void;
}

/**
 * Runs steps one after the other; in a database that was empty as many together as can be.
 *
 * @param ledger Whether the database has a ledger that may be written
 * @throws {HarborError} what stopped a step, with `details.done` and `details.revision`
 */
export async function runSteps(
  context: RunContext,
  steps: readonly Step[],
  { state, ledger, ahead, hasKept, options: { pace = {}, keep = true, onStep } }: {
    readonly state: State;
    readonly ledger: boolean;
    readonly ahead: LookAhead | null;
    /** Whether anything is kept at the start. */
    readonly hasKept: boolean;
    readonly options: StepsOptions;
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
      await ahead?.before(step);
      const isKept = hasKept || done.some(({ kept }) => kept.length > 0);
      // An earlier step, or the application during the backup, may have put there what this one destroys; in a database that was empty all of it is the scripts' own.
      if (keep && state.kind === "managed") {
        const more = step.resume === null ? "" : " more";
        await requireInside(context, [step], `Nothing${more} of this revision was done.`);
      }
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
      ...isFirst && state.kind !== "managed" ? startingBatch(context, state.applied) : [],
      ...goneIndexes(context.history, step).map((name) => sql`DROP INDEX IF EXISTS ${ownTable(name)}`),
    ],
    ledger: ledger ? (revisions) => recordWaysBack(context, revisions) : null,
    alembic: state.alembic !== null,
    version: context.version,
    now: context.now,
  };
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
  const [found, other] = script.statements.filter(({ sql }) => sql === text || hideSecrets(sql) === text);
  // Of several that look alike nobody knows which it was.
  return other === undefined ? found?.line ?? null : null;
}

/**
 * Returns the batches of every step in running order, in the ways in which {@link migrate} would run them now, with
 * backfills as the whole statement that their batches add up to. Reads only.
 */
export async function waysOfPlan(
  context: RunContext,
  { steps, state }: { readonly steps: readonly Step[]; readonly state: State },
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
