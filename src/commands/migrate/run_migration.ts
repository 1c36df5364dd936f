import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Goal } from "../../migrate/rules/plan.ts";
import { createAround } from "./around.ts";
import { noConsequences } from "./consequences.ts";
import { lookFirst } from "./look_first.ts";
import type { Foreknown, Migration, Undertaking } from "./migration.ts";
import { onWritable } from "./on_writable.ts";
import { paceOf } from "./pace_options.ts";
import { refuseBeside } from "./rehearsal/options.ts";
import { runPlan } from "./run_plan.ts";
import { createSafetyNet } from "./safety_net.ts";

/** Plans a migration, and prints or runs it. */
export async function runMigration(app: App, migration: Migration): Promise<Outcome> {
  const { direction, target, options, question } = migration;
  const bareWords = options.noKeep ? "what goes does not come back" : "only what is kept comes back";
  const net = createSafetyNet(app, options, bareWords);
  const around = migration.around ?? createAround(app, options);
  refuseBeside(options, options);
  const isNew = app.isAbsent();
  const undertaking: Undertaking = { ...migration, app, isNew, pace: paceOf(options), net, around };
  let known: Foreknown = { goal: { direction, text: target }, confirmed: null, consequences: noConsequences };
  if (options.dryRun || options.sql || options.rehearse || isNew || question !== undefined) {
    const looked = await app.withRun("read", (context) => lookFirst(undertaking, context));
    if ("outcome" in looked) return looked.outcome;
    known = looked.known;
  }
  const access = direction === "upgrade" ? "create" : "write";
  return await onWritable(app, access, {
    needsNoWrite: (context) => needsNoWrite(context, known.goal),
    work: (context) => runPlan(undertaking, context, known),
  });
}

async function needsNoWrite(context: RunContext, goal: Goal): Promise<boolean> {
  const { preparePlan } = await import("../../migrate/prepare_plan.ts");
  const { isAnyLeft } = await import("../../migrate/clear_beside.ts");
  const { steps, state, unreturned } = await preparePlan(context, goal);
  const isIdle = steps.length === 0 && unreturned.length === 0 && state.kind !== "alembic";
  return isIdle && !await isAnyLeft(context);
}
