import { stopIfAsked } from "../base/interrupt.ts";
import type { RunContext } from "../engines/run_context.ts";
import { type PrunedResult, pruneKept } from "./kept/prune.ts";
import { requireInside } from "./kept/outside.ts";
import type { ReturnedResult } from "./kept/settle_return.ts";
import { requireKeepable } from "./kept/side_tables.ts";
import { resumeReturns, tendKept } from "./kept/tend.ts";
import { type Goal, settleGoal } from "./rules/plan.ts";
import { keepLedger } from "../state/keep_ledger.ts";
import { nameAnew } from "../state/name_anew.ts";
import { lockOptions } from "../state/lock_options.ts";
import { clearBeside, isAnyLeft, nothingCleared } from "./clear_beside.ts";
import { recordWhatIsLeft } from "./left_by_scripts.ts";
import { lookAhead, notEnforcedText } from "./preflight/look_ahead.ts";
import { identify, startingBatch, tidyAlone } from "./steps/managed.ts";
import type { LookAhead } from "./preflight/preflight.ts";
import { requirePlanRoom } from "./room/plan_room.ts";
import { type PreparedPlan, preparePlan } from "./prepare_plan.ts";
import { runSteps, type StepsOptions } from "./steps/run_steps.ts";
import type { StepResult } from "./steps/step_result.ts";
import type { Snapshot } from "../schema/snapshot.ts";

export interface MigrateResult {
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly StepResult[];
  /** What an earlier run had not put back to the end. */
  readonly returned: readonly ReturnedResult[];
  /** What was kept of rows that were deleted since, and was forgotten. */
  readonly pruned: readonly PrunedResult[];
  /** What is there when the steps are done; `null` where that was not looked at. */
  readonly live: Snapshot | null;
}

export interface MigrateOptions extends StepsOptions {
  readonly goal: Goal;
  /** Milliseconds to wait for another harbor-db. */
  readonly lockWaitMs: number;
  /** Called under the lock when there is something to do, before the first statement; what it throws ends the run. */
  readonly beforeSteps?: (plan: PreparedPlan) => Promise<void>;
  /** What is there before the steps, where the caller has just read it and nobody else has the database. */
  readonly live?: Snapshot | undefined;
}

/**
 * Takes a database to a goal, under the lock. What another harbor-db did meanwhile is seen: the plan is made again
 * once the lock is held, so that the loser of a race finds nothing to do.
 *
 * @throws {HarborError} as {@link preparePlan} and {@link lookAhead}; `untrusted_owner`; `locked`; `interrupted`; what the database says,
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
    return {
      from,
      to,
      steps: [],
      ...tended,
      returned: [...cleared.returned, ...tended.returned],
      live: null,
    };
  }
  const goal = settleGoal(options.goal, first);
  const known = options.live;
  const seen = await lookUnlocked(context, goal, { ...first, live: known });
  return context.database.withLock(async () => {
    const prepared = await preparePlan(context, goal);
    const { from, to, steps, state } = prepared;
    if (prepared.refusal !== null) throw prepared.refusal;
    const ahead = seen !== null && isSameWay(first, prepared)
      ? seen.ahead
      : await lookAhead(context, { ...prepared, live: known });
    stopIfAsked(context.signal);
    // Before the backup, which has it then as well.
    await identify(context, state);
    if (state.kind === "managed") await nameAnew(context, state.applied);
    const ledger = state.kind !== "managed" || await keepLedger(context, state.applied);
    for (const loss of ahead?.losses ?? []) {
      context.notify({ kind: "note", text: `goes without a successor: ${loss}` });
    }
    for (const constraint of ahead?.unenforced ?? []) {
      context.notify({ kind: "note", text: notEnforcedText(constraint) });
    }
    if (state.kind === "managed" && options.keep !== false) {
      await requireKeepable(context, steps);
      await requireInside(context, steps, "Nothing was changed.");
    }
    // Nobody else keeps anything while the lock is held.
    const hasKept = prepared.kept.length > 0;
    if (steps.length > 0) await options.beforeSteps?.(prepared);
    // Behind the backup, which may be on the same device.
    if (from !== null) await requirePlanRoom(context, { ...prepared, keeps: options.keep !== false });
    if (state.kind === "alembic") {
      context.notify({ kind: "note", text: `taking over from Alembic at ${from}` });
    }
    if (steps.length === 0 && state.kind === "alembic") {
      await context.database.write(startingBatch(context, state.applied));
    }
    const isNew = state.kind === "empty";
    const { pace = {} } = options;
    const cleared = isNew ? nothingCleared : await clearBeside(context, steps, { pace, lockWaitMs: null });
    const returned = hasKept ? await resumeReturns(context, state.applied, pace) : [];
    const run = (onStep: (result: StepResult) => void) =>
      runSteps(context, steps, { state, ledger, ahead, hasKept, options: { ...options, onStep } });
    const way = { ...prepared, onStep: options.onStep, live: known };
    const { done, live } = await recordWhatIsLeft(context, way, run);
    const isKept = hasKept || done.some(({ kept }) => kept.length > 0);
    const isPruned = isKept && state.kind === "managed" && steps[0]?.direction === "upgrade";
    return {
      from,
      to,
      steps: done,
      returned: [...cleared.returned, ...returned],
      pruned: isPruned ? (await pruneKept(context)).pruned : [],
      live,
    };
  }, lockOptions(context, options.lockWaitMs));
}

/**
 * Runs {@link lookAhead} before there is a lock, so that a refusal leaves nothing behind.
 *
 * @returns What was seen; `null` when another harbor-db was at work, and all is looked at again under the lock
 */
async function lookUnlocked(
  context: RunContext,
  goal: Goal,
  plan: PreparedPlan & Pick<MigrateOptions, "live">,
): Promise<{ readonly ahead: LookAhead | null } | null> {
  try {
    return { ahead: await lookAhead(context, plan) };
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
