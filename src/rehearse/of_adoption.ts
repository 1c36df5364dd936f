import { adopt } from "../adopt/adopt.ts";
import type { Adoption } from "../adopt/prepare.ts";
import { changesOf } from "../adopt/rules/bridge_changes.ts";
import { HarborError } from "../base/errors.ts";
import type { HoldContents } from "../engines/watch/held_contents.ts";
import type { RunContext } from "../engines/run_context.ts";
import { migrate } from "../migrate/migrate.ts";
import { preparePlan } from "../migrate/prepare_plan.ts";
import { follow, type Origins, startOf } from "../migrate/rules/origins.ts";
import type { Goal, Step } from "../migrate/rules/plan.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { withPlainNames } from "../sql/table_names.ts";
import { compareContents } from "./compare_contents.ts";
import { recorded } from "./record.ts";
import type { PlannedRehearsal, Rehearsal } from "./rehearse.ts";
import { originsAfter } from "./rules/origins_after.ts";

/** What there is beside the adoption itself. */
export interface AdoptionOptions extends Pick<Rehearsal, "check" | "copyMs" | "hold" | "queries"> {
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
): PlannedRehearsal {
  let done: Done | null = null;
  return {
    ...parts,
    revisions: history.revisions,
    async forward(context, onStep) {
      const statements = plainChanges(await adopt(context, { ...trial, pace }));
      onStep();
      const adopted = await context.database.introspect();
      const steps = then === null ? [] : (await preparePlan(context, then)).steps;
      done = {
        statements,
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
 * @param hold Set where values are compared, since no guard of the bridge itself does
 * @throws {HarborError} as `adopt`; `data_conflict`
 */
export async function tryAdoption(copy: RunContext, hold: HoldContents | null = null): Promise<void> {
  const { database, signal } = copy;
  const before = await database.introspect();
  const held = await hold?.(database, before, signal) ?? null;
  const run = await recorded(
    copy,
    { countsPauses: true, isThrowAway: true },
    (context) => adopt(context, trial),
  );
  if (run.failure !== null) throw run.failure.error;
  if (held === null) return;
  const after = await database.introspect();
  const origins = follow(startOf(before), { before, after, statements: plainChanges(run.result) });
  const { losses } = await compareContents(held, { before, after, origins }, signal);
  if (losses.length === 0) return;
  throw new HarborError("data_conflict", `Cannot adopt "${database.url}": ${losses.join("; ")}`, {
    hint: "Nothing was changed. Look for triggers and rules that change rows.",
    details: { losses },
  });
}

/** Returns what an adoption changes in the names that the schemas have for what is in schemas of its own. */
function plainChanges(adoption: Adoption): readonly string[] {
  return changesOf(adoption).map((sql) => withPlainNames(sql, adoption.inspection.live.schemas));
}

const trial = { lockWaitMs: 0, isWhole: true, isTrial: true } as const;
