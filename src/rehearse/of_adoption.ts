import { adopt } from "../adopt/adopt.ts";
import type { RunContext } from "../engines/run_context.ts";
import { migrate, preparePlan } from "../migrate/migrate.ts";
import { follow, type Origins, startOf } from "../migrate/rules/origins.ts";
import type { Goal, Step } from "../migrate/rules/plan.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { recorded } from "./record.ts";
import type { Rehearsal } from "./rehearse.ts";
import { originsAfter } from "./rules/origins_after.ts";

/** What there is beside the adoption itself. */
export interface AdoptionOptions
  extends Pick<Rehearsal, "check" | "copyMs" | "hold" | "queries" | "remarks"> {
  /** What follows at once; `null` where nothing does. */
  readonly then: Goal | null;
  readonly pace: PaceOptions;
}

/** What was done on the copy. */
interface Done {
  /** The statements that took it over. */
  readonly statements: readonly string[];
  /** The schema that they left. */
  readonly adopted: Snapshot;
  /** The upgrade behind it. */
  readonly steps: readonly Step[];
}

/** Returns what is rehearsed of taking over a database: one step of its own, and the upgrade that is to follow. */
export function adoptionRehearsal(
  { history }: Pick<RunContext, "history">,
  { then, pace, ...parts }: AdoptionOptions,
): Rehearsal {
  let done: Done | null = null;
  return {
    ...parts,
    async forward(context, onStep) {
      const { statements } = await adopt(context, { ...trial, pace });
      onStep();
      const adopted = await context.database.introspect();
      const steps = then === null ? [] : (await preparePlan(context, then)).steps;
      done = {
        statements: statements.filter(({ isGuard }) => !isGuard).map(({ sql }) => sql),
        adopted,
        steps,
      };
      if (then !== null) await migrate(context, { goal: then, pace, lockWaitMs: 0, onStep });
    },
    back: "only the backup leads back to what a database was before it was adopted",
    origins(before, after): Origins | null {
      if (done === null) return null;
      const { statements, adopted, steps } = done;
      const from = follow(startOf(before), { before, after: adopted, statements });
      return originsAfter(history, steps, { before: adopted, after, from });
    },
  };
}

/**
 * Takes over a copy that nobody uses, as fast as it goes, and says nothing but why that fails.
 *
 * @throws {HarborError} as `adopt`
 */
export async function tryAdoption(copy: RunContext): Promise<void> {
  const run = await recorded(
    copy,
    { countsPauses: true, isThrowAway: true },
    (context) => adopt(context, trial),
  );
  if (run.failure !== null) throw run.failure.error;
}

const trial = { lockWaitMs: 0, isWhole: true, isTrial: true } as const;
