import { adopt } from "../adopt/adopt.ts";
import type { RunContext } from "../engines/run_context.ts";
import { migrate } from "../migrate/migrate.ts";
import type { Goal } from "../migrate/rules/plan.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import type { Rehearsal } from "./rehearse.ts";

/** What there is beside the adoption itself. */
export interface AdoptionOptions
  extends Pick<Rehearsal, "check" | "copyMs" | "hold" | "queries" | "remarks"> {
  /** To which revision it is taken over; `null` for base. */
  readonly to: string | null;
  /** What follows at once; `null` where nothing does. */
  readonly then: Goal | null;
  readonly pace: PaceOptions;
}

/** Returns what is rehearsed of taking over a database: one step of its own, and the upgrade that is to follow. */
export function adoptionRehearsal({ to, then, pace, ...parts }: AdoptionOptions): Rehearsal {
  return {
    ...parts,
    async forward(context: RunContext, onStep) {
      context.notify({ kind: "step", id: to ?? "base", name: "adoption", direction: "upgrade" });
      await adopt(context, { lockWaitMs: 0, isWhole: true, isTrial: true, pace });
      onStep();
      if (then !== null) await migrate(context, { goal: then, pace, lockWaitMs: 0, onStep });
    },
    back: "only the backup leads back to what a database was before it was adopted",
    origins: () => null,
  };
}
