import type { Finding } from "../base/finding.ts";
import type { RunContext } from "../engines/run_context.ts";
import { migrate } from "../migrate/migrate.ts";
import { preparePlan } from "../migrate/prepare_plan.ts";
import type { Goal, Step } from "../migrate/rules/plan.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import { originsAfter } from "./rules/origins_after.ts";
import type { PlannedRehearsal, Rehearsal } from "./rehearse.ts";

/** What there is beside the plan itself. */
export interface PlanOptions extends Pick<Rehearsal, "copyMs" | "hold" | "queries"> {
  readonly goal: Goal;
  readonly pace: PaceOptions;
  check(): Promise<readonly Finding[]>;
}

/**
 * Returns what is rehearsed of a plan, which is made anew on the copy: it is the one that the database itself has.
 *
 * @throws {HarborError} as `preparePlan`
 */
export async function planRehearsal(
  context: RunContext,
  { goal, pace, check, hold, queries, copyMs }: PlanOptions,
): Promise<PlannedRehearsal> {
  const { from, to, steps, kept, unreturned } = await preparePlan(context, goal);
  const run = (context: RunContext, goal: Goal, onStep: () => void) =>
    migrate(context, { goal, pace, lockWaitMs: 0, onStep });
  const { direction } = goal;
  return {
    forward: (context, onStep) => run(context, { direction, text: to ?? "base" }, onStep),
    back: whyNoWayBack(steps) ??
      ((context, onStep) => run(context, { direction: other[direction], text: from ?? "base" }, onStep)),
    origins: (before, after) => originsAfter(context.history, steps, { before, after, kept, unreturned }),
    check,
    hold,
    queries,
    copyMs,
    revisions: context.history.revisions.filter(({ id }) =>
      id === to || steps.some(({ revision }) => revision.id === id)
    ),
  };
}

function whyNoWayBack(steps: readonly Step[]): string | null {
  if (steps.some(({ resume }) => resume !== null)) {
    return "its first step is half done already, and nothing leads back to half a step";
  }
  // Of what only the database knows there is the way down alone.
  const unknown = steps.filter(({ revision }) => revision.ledger !== undefined).map(({ revision }) =>
    revision.id
  );
  if (unknown.length === 0) return null;
  return `this history does not have ${unknown.join(", ")}: no script leads back`;
}

const other = { upgrade: "downgrade", downgrade: "upgrade" } as const;
