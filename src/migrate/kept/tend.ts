import { HarborError } from "../../base/errors.ts";
import { forgetKept, type Kept, readKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Applied } from "../../history/applied.ts";
import { findEmpty } from "../../state/find_empty.ts";
import { lockOptions } from "../../state/lock_options.ts";
import { nameAnew } from "../../state/name_anew.ts";
import { readState } from "../../state/read_state.ts";
import type { PaceOptions } from "../paced/backfill_walk.ts";
import type { Goal, Step } from "../rules/plan.ts";
import { leftText } from "./count_kept.ts";
import { type PrunedResult, pruneKept } from "./prune.ts";
import { requireSideTables } from "./side_tables.ts";
import { putBack } from "./put_back.ts";
import type { ReturnedResult } from "./settle_return.ts";
import { comesBack, isDue, isLeftOver, isTriedAgain } from "../../state/rules/due.ts";
import { takeAside } from "./take_aside.ts";

/**
 * Ends what an interrupted run had not put aside to the end, and puts back what it, or an earlier harbor-db, left aside of steps
 * that were undone.
 */
export async function resumeReturns(
  context: RunContext,
  applied: readonly Applied[],
  pace: PaceOptions = {},
): Promise<readonly ReturnedResult[]> {
  await takeAside(context, pace);
  await forgetEmpty(context, applied);
  return await putBack(context, (kept) => isDue(kept, { history: context.history, applied }), pace);
}

/** Takes away the side tables that got no row of steps that are done: a run that is killed behind its step leaves them. */
async function forgetEmpty({ database }: RunContext, applied: readonly Applied[]): Promise<void> {
  // What is half way may be about to put something there.
  if (applied.some(({ finishedAt }) => finishedAt === null)) return;
  await forgetKept(database, await findEmpty(database, await readKept(database)));
}

/** What was done about what stayed kept when its step was undone. */
export interface ReturnedLeft {
  readonly returned: readonly ReturnedResult[];
  /** What was not tried, and how it may come back. */
  readonly untried: readonly ({ readonly id: number } & ReturnType<typeof leftText>)[];
}

/** Tries again to put back what did not fit when its step was undone, and does what an interrupted run has left. */
export async function returnLeft(context: RunContext, pace: PaceOptions = {}): Promise<ReturnedLeft> {
  const { history, database } = context;
  const { applied } = await readState(context);
  await nameAnew(context, applied);
  const standing = { history, applied };
  const left = (await readKept(database)).filter((kept) => isLeftOver(kept, standing));
  const tried = new Set(left.filter((kept) => isTriedAgain(kept, standing)).map(({ id }) => id));
  return {
    returned: [
      ...await resumeReturns(context, applied, pace),
      ...await putBack(context, ({ id }) => tried.has(id), pace),
    ],
    untried: left.filter(({ id }) => !tried.has(id))
      .map((kept) => ({ id: kept.id, ...leftText(kept, standing) })),
  };
}

/**
 * Makes sure before the first step that what steps let come back of what is kept can. Reads only.
 *
 * @throws {HarborError} `missing_table`, and all that {@link requireSideTables} throws
 */
export async function requireKept(
  { database, history }: Pick<RunContext, "database" | "history">,
  kept: readonly Kept[],
  { steps, applied }: { readonly steps: readonly Step[]; readonly applied: readonly Applied[] },
): Promise<void> {
  await requireSideTables(database, kept.filter((each) => comesBack(each, steps, { history, applied })));
}

interface TendOptions {
  readonly goal: Goal;
  readonly lockWaitMs: number;
  readonly pace?: PaceOptions;
}

/** What was done about kept data where there was no step to run. */
export interface Tended {
  readonly returned: readonly ReturnedResult[];
  readonly pruned: readonly PrunedResult[];
}

/** Does for a run without a step what is left to do about what is kept, under the lock, if there is any; forgets what an upgrade forgets. */
export async function tendKept(
  context: RunContext,
  { kept, unreturned }: { readonly kept: readonly Kept[]; readonly unreturned: readonly Kept[] },
  { goal, lockWaitMs, pace }: TendOptions,
): Promise<Tended> {
  const isLeft = unreturned.length > 0 || kept.some(({ state }) => state === "keeping");
  if (!(goal.direction === "upgrade" ? kept.length > 0 : isLeft)) return { returned: [], pruned: [] };
  try {
    return await context.database.withLock(async () => {
      const { applied } = await readState(context);
      await nameAnew(context, applied);
      const returned = await resumeReturns(context, applied, pace);
      const pruned = goal.direction === "upgrade" ? (await pruneKept(context)).pruned : [];
      return { returned, pruned };
    }, lockOptions(context, lockWaitMs));
  } catch (error) {
    // What is only to be forgotten waits for who may write: a role that reads, or a standby, has nothing to do.
    if (isLeft || !(error instanceof HarborError) || error.code !== "read_only") throw error;
    const text = `what is kept of rows that were deleted since is not forgotten: ${error.message}`;
    context.notify({ kind: "note", text });
    return { returned: [], pruned: [] };
  }
}
