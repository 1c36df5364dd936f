import { type Kept, readKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Applied } from "../../history/applied.ts";
import { lockOptions } from "../../state/lock_options.ts";
import { readState } from "../../state/read_state.ts";
import type { PaceOptions } from "../paced/backfill_walk.ts";
import type { State } from "../../state/state.ts";
import type { Goal, Step } from "../rules/plan.ts";
import { type PrunedResult, pruneKept } from "./prune.ts";
import { requireFreeNames, requireSideTables } from "./side_tables.ts";
import { putBack, type ReturnedResult } from "./put_back.ts";
import { isDue, isUndoneBy } from "../../state/rules/due.ts";
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
  return await putBack(context, (kept) => isDue(kept, { history: context.history, applied }), pace);
}

/**
 * Makes sure before the first step that what steps destroy can be put aside, and that what they let come back is there.
 *
 * @returns Whether anything is kept
 * @throws {HarborError} `data_conflict` or `missing_table`, with nothing changed
 */
export async function requireWayForKept(
  context: RunContext,
  { steps, state: { applied } }: { readonly steps: readonly Step[]; readonly state: Pick<State, "applied"> },
  keep = true,
): Promise<boolean> {
  if (keep) await requireFreeNames(context, steps);
  return await requireKept(context, { steps, applied });
}

/** Makes sure of what comes back alone. Reads only. Returns and throws as {@link requireWayForKept}. */
export async function requireKept(
  { database, history }: Pick<RunContext, "database" | "history">,
  { steps, applied }: { readonly steps: readonly Step[]; readonly applied: readonly Applied[] },
): Promise<boolean> {
  const all = await readKept(database);
  const meant = all.filter((kept) =>
    isDue(kept, { history, applied }) ||
    steps.some(({ revision, direction }) => isUndoneBy(kept, { history, revision: revision.id, direction }))
  );
  await requireSideTables(database, meant);
  return all.length > 0;
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

/** Does for a run without a step what is left to do about kept data, under the lock, if there is any; forgets what an upgrade forgets. */
export async function tendKept(
  context: RunContext,
  { applied }: Pick<State, "applied">,
  { goal, lockWaitMs, pace }: TendOptions,
): Promise<Tended> {
  const { database, history } = context;
  const kept = await readKept(database);
  const isLeft = (each: Kept) => each.state === "keeping" || isDue(each, { history, applied });
  if (!(goal.direction === "upgrade" ? kept.length > 0 : kept.some(isLeft))) {
    return { returned: [], pruned: [] };
  }
  return await database.withLock(async () => {
    const { applied } = await readState(context);
    const returned = await resumeReturns(context, applied, pace);
    return { returned, pruned: goal.direction === "upgrade" ? await pruneKept(context) : [] };
  }, lockOptions(context, lockWaitMs));
}
