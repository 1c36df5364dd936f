import type { Database } from "../engines/database.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { textsToKeep } from "./kept/outside.ts";
import { type Loss, lossesOf } from "./kept/rules/losses.ts";
import type { Step } from "./rules/plan.ts";

/** Returns what the steps of a plan lose together of the tables that there are, as far as their texts tell. */
export async function lossesOfPlan(
  database: Database,
  steps: readonly Pick<Step, "script" | "resume">[],
  live: Snapshot,
): Promise<readonly Loss[]> {
  const texts = await Promise.all(
    steps.map(async ({ script, resume }) =>
      (await textsToKeep(database, script)).slice(resume?.statementsDone ?? 0)
    ),
  );
  return lossesOf(live, texts.flat());
}
