import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { createAround } from "./around.ts";
import { noConsequences } from "./consequences.ts";
import { lookFirst } from "./look_first.ts";
import type { Foreknown, Migration, Undertaking } from "./migration.ts";
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
  return await app.withRun(access, (context) => runPlan(undertaking, context, known));
}
