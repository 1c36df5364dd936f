import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import type { Outcome } from "../../cli/command.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { MigrateResult } from "../../migrate/migrate.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { consequenceFacts, consequencesJson, readConsequences } from "./consequences.ts";
import { printReturned } from "./kept_lines.ts";
import { type Foreknown, rehearsalTo, type Undertaking } from "./migration.ts";
import { describePlace, printPlace, printStep, restText } from "./plan_output.ts";
import { isGuarded } from "./rehearsal/options.ts";
import { runAround } from "./run_around.ts";

/** Makes a migration: the application stopped, the backup, the steps, the application started again. */
export async function runPlan(
  undertaking: Undertaking,
  context: RunContext,
  known: Foreknown,
): Promise<Outcome> {
  const { app, direction, options, question, isAlways = false, isNew, pace, net, around } = undertaking;
  const { goal, confirmed } = known;
  let { consequences } = known;
  const { migrate } = await import("../../migrate/migrate.ts");
  const make = rehearsalTo(goal, pace);
  const guard = undertaking.guard ??
    (isGuarded(options)
      ? (await import("./rehearsal/budget_guard.ts")).openBudgetGuard(app, { options, make })
      : null);
  const beforeSteps = async (plan: PreparedPlan) => {
    if (confirmed !== null) refuseOtherSteps(confirmed, plan);
    printPlace(undertaking);
    if (question === undefined || app.settings.yes) {
      consequences = await readConsequences(app, context, { plan, losses: [], options });
      app.report.facts(consequenceFacts(consequences, false));
    }
    const onTrial = isNew ? undefined : await guard?.begin(context, options.before !== undefined);
    // First of all: what the application still writes is in the backup then.
    await around.before(direction);
    await net.spread(context, plan, onTrial);
    await guard?.startHere();
  };
  let isFirst = true;
  const run = (context: RunContext, tellGuard?: () => void) =>
    migrate(context, {
      goal,
      lockWaitMs: app.lockWaitMs,
      beforeSteps,
      onStep: (step) => {
        if (isNew && isFirst) app.report.line(`made       ${app.databaseUrl().display}`);
        isFirst = false;
        tellGuard?.();
        printStep(app, step);
      },
      pace,
      keep: !options.noKeep,
    });
  return await runAround(
    { context, net, around, direction, isAlways, goesBack: options.restoreOnFailure },
    async () => {
      const result = await (guard === null ? run(context) : guard.run(direction, run, context));
      printEnd(undertaking, result);
      await guard?.tell();
      const place = describePlace(undertaking);
      const backup = net.summary();
      const { from, to, steps, returned, pruned } = result;
      const done = { from, to, steps, returned, pruned };
      return { json: { ...done, ...place, ...consequencesJson(consequences), backup, ...guard?.json() } };
    },
  );
}

/** Prints what was done beside the steps, and where the database is. */
function printEnd(undertaking: Undertaking, { to, steps, returned, pruned }: MigrateResult): void {
  const { app } = undertaking;
  for (const each of returned) printReturned(app, each);
  for (const { table, rows } of pruned) {
    app.report.line(`forgot     what was kept of ${counted(rows, "row")} of ${table}: deleted since`);
  }
  if (steps.length === 0) printPlace(undertaking);
  const isIdle = [steps, returned, pruned].every(({ length }) => length === 0);
  app.report.line(restText(to, isIdle));
}

/** What others did after the question may make another thing of the answer; some of it done already does not. */
function refuseOtherSteps(confirmed: PreparedPlan, { steps }: PreparedPlan): void {
  const asked = confirmed.steps.map(({ revision }) => revision.id);
  const others = steps.map(({ revision }) => revision.id).filter((id) => !asked.includes(id));
  if (others.length === 0) return;
  throw new HarborError("needs_confirmation", "Stopped: not confirmed, no step was run", {
    state: `another harbor-db moved the database after the question, and ${
      others.join(", ")
    } would go as well`,
    hint: "Run the same command again: it asks about what is to be done now.",
  });
}
