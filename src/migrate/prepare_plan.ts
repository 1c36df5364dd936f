import { ledgerPlace } from "../history/ledger/ledger.ts";
import { isDue, isGivenUp } from "../state/rules/due.ts";
import { type ErrorCode, HarborError } from "../base/errors.ts";
import { type Kept, readKept } from "../engines/kept_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { locate } from "../history/applied.ts";
import { requireKept } from "./kept/tend.ts";
import { type Goal, plan, sourceOf, type Step } from "./rules/plan.ts";
import { underPresentRevisions } from "../state/rules/present_kept.ts";
import { requireNoListeners } from "../state/listeners.ts";
import { readState } from "../state/read_state.ts";
import { requireSchemas } from "../state/require_schemas.ts";
import type { State } from "../state/state.ts";

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
    if (kind === "managed") {
      kept = underPresentRevisions(await readKept(context.database), { history: context.history, applied });
    }
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
