import { HarborError } from "../../base/errors.ts";
import type { Outcome } from "../../cli/command.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { settleGoal } from "../../migrate/rules/plan.ts";
import { keptJson, unreturnedText } from "../backup/kept_output.ts";
import {
  consequenceFacts,
  type Consequences,
  consequencesJson,
  noConsequences,
  readConsequences,
} from "./consequences.ts";
import { keptBy } from "./kept_lines.ts";
import { type Foreknown, rehearsalTo, type Undertaking } from "./migration.ts";
import { describePlace, planned, printPlace, printPlan } from "./plan_output.ts";
import { waysIn } from "./table_ways.ts";
import { budgetsOf } from "./rehearsal/options.ts";

/** What the command ends with, or what the run goes by. */
export type Looked = { readonly outcome: Outcome } | { readonly known: Foreknown };

/** A plan, and what was seen of what it meets. */
interface Seen {
  readonly plan: PreparedPlan;
  /** What goes without a successor, each as a sentence. */
  readonly losses: readonly string[];
  /** Prints which constraints are there and hold nobody to them. */
  tellUnenforced(): void;
}

/** Looks at what a migration would do, changing nothing: says it where no more is wanted, or asks whether to. */
export async function lookFirst(undertaking: Undertaking, context: RunContext): Promise<Looked> {
  const { app, direction, target, options, question, pace } = undertaking;
  const { preparePlan } = await import("../../migrate/prepare_plan.ts");
  const asked = { direction, text: target };
  const plan = await preparePlan(context, asked);
  const goal = settleGoal(asked, plan);
  const unasked: Looked = { known: { goal, confirmed: null, consequences: noConsequences } };
  if (options.sql) return { outcome: await printSql(undertaking, context, plan) };
  const isIdle = plan.steps.length === 0;
  const { isAnyLeft } = await import("../../migrate/clear_beside.ts");
  // What an interrupted run left is ended, though there is no step: without a question, since it only keeps.
  const isRun = !options.dryRun && !options.rehearse;
  if (isIdle && isRun && (plan.unreturned.length > 0 || await isAnyLeft(context))) return unasked;
  const { lookAhead, notEnforcedText } = await import("../../migrate/preflight/look_ahead.ts");
  const { losses = [], unenforced = [] } = await lookAhead(context, plan) ?? {};
  if (plan.from !== null) {
    const keeps = !options.noKeep;
    const { requireInside } = await import("../../migrate/kept/outside.ts");
    if (keeps) await requireInside(context, plan.steps, "Nothing was changed.");
    const { requirePlanRoom } = await import("../../migrate/room/plan_room.ts");
    await requirePlanRoom(context, { ...plan, keeps });
  }
  const tellUnenforced = () => unenforced.forEach((each) => app.report.note(notEnforcedText(each)));
  const seen: Seen = { plan, losses, tellUnenforced };
  if (options.dryRun || isIdle) return { outcome: await printDryRun(undertaking, context, seen) };
  if (plan.refusal !== null) throw plan.refusal;
  if (options.rehearse) {
    printPlace(undertaking);
    for (const loss of losses) app.report.line(`goes       ${loss}`);
    tellUnenforced();
    const { runRehearsal } = await import("./rehearsal/run_rehearsal.ts");
    const make = rehearsalTo(goal, pace);
    const outcome = await runRehearsal(app, context, { options, budgets: budgetsOf(options), make });
    const json = { ...planned(plan), ...describePlace(undertaking), losses, ...outcome.json };
    return { outcome: { ...outcome, json } };
  }
  if (question === undefined || app.settings.yes) return unasked;
  return await ask(undertaking, context, { ...seen, goal, question });
}

async function printSql(undertaking: Undertaking, context: RunContext, plan: PreparedPlan): Promise<Outcome> {
  const { app: { report }, options } = undertaking;
  const { renderBatches } = await import("../../engines/render_script.ts");
  const { batchesIn } = await import("../../migrate/steps/run_beside.ts");
  const { waysOfPlan } = await import("../../migrate/steps/run_steps.ts");
  const batches = (await waysOfPlan(context, plan)).flatMap(batchesIn);
  const aside = await keptBy(context, plan, options.noKeep);
  const note = aside.length === 0
    ? ""
    : "-- harbor-db itself first puts aside what this destroys, and puts it back when it is undone. This script does not.\n";
  const text = note + renderBatches(context.database, batches);
  report.raw(text);
  if (plan.refusal !== null) report.note(`to read, and not to run: ${plan.refusal.message}`);
  return { json: { ...planned(plan), ...describePlace(undertaking), sql: text } };
}

async function printDryRun(
  undertaking: Undertaking,
  context: RunContext,
  { plan, losses, tellUnenforced }: Seen,
): Promise<Outcome> {
  const { app, options } = undertaking;
  const { report } = app;
  printPlace(undertaking);
  const { waysOfPlan } = await import("../../migrate/steps/run_steps.ts");
  const ways = await waysOfPlan(context, plan);
  const tables = await waysIn(context, ways);
  printPlan(app, plan, tables);
  const consequences = plan.steps.length === 0
    ? noConsequences
    : await readConsequences(app, context, { plan, losses, options, known: { ways, tables } });
  report.facts(consequenceFacts(consequences, true));
  tellUnenforced();
  for (const kept of plan.unreturned) report.line(`puts back  ${unreturnedText(kept)}`);
  const keeps = await keptBy(context, plan, options.noKeep);
  for (const { table, columns } of keeps) {
    report.line(`keeps      ${table}${columns === null ? "" : `: ${columns.join(", ")}`}`);
  }
  const json = {
    ...seenJson(undertaking, { plan, losses }, consequences),
    keeps,
    unreturned: plan.unreturned.map(keptJson),
    ways: tables,
  };
  return plan.refusal === null ? { json } : { json, failure: plan.refusal };
}

async function ask(
  undertaking: Undertaking,
  context: RunContext,
  { plan, losses, tellUnenforced, goal, question }:
    & Seen
    & Pick<Foreknown, "goal">
    & Required<Pick<Undertaking, "question">>,
): Promise<Looked> {
  const { app, options } = undertaking;
  let consequences = noConsequences;
  try {
    await app.confirm(async () => {
      consequences = await readConsequences(app, context, { plan, losses, options });
      tellUnenforced();
      return await question(context, plan, consequences);
    });
    return { known: { goal, confirmed: plan, consequences } };
  } catch (failure) {
    if (!(failure instanceof HarborError) || failure.code !== "needs_confirmation") throw failure;
    const keeps = await keptBy(context, plan, options.noKeep);
    return {
      outcome: { json: { ...seenJson(undertaking, { plan, losses }, consequences), keeps }, failure },
    };
  }
}

/** Returns for programs what would be done, where, and what that means. */
function seenJson(
  undertaking: Undertaking,
  { plan, losses }: Pick<Seen, "plan" | "losses">,
  consequences: Consequences,
) {
  return { ...planned(plan), ...describePlace(undertaking), losses, ...consequencesJson(consequences) };
}
