import { counted, formatDuration } from "../../base/quantity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Direction } from "../../history/applied.ts";
import { ledgerPlace } from "../../history/ledger/ledger.ts";
import type { StepResult } from "../../migrate/steps/step_result.ts";
import type { BesideWay, Staying } from "../../engines/beside.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { type Goal, settleGoal, sourceOf } from "../../migrate/rules/plan.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { HarborError } from "../../base/errors.ts";
import type { App, Question } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { flag, type Values } from "../../cli/options.ts";
import {
  consequenceFacts,
  type Consequences,
  consequencesJson,
  noConsequences,
  readConsequences,
} from "./consequences.ts";
import type { BudgetGuard } from "./rehearsal/budget_guard.ts";
import { keptJson, unreturnedText } from "../backup/kept_output.ts";
import { type Around, aroundOptions, createAround } from "./around.ts";
import { runAround } from "./run_around.ts";
import { filledForGood, keptBy, printKept, printReturned } from "./kept_lines.ts";
import { paceOf, paceOptions } from "./pace_options.ts";
import { budgetsOf, isGuarded, refuseBeside, rehearsalOptions } from "./rehearsal/options.ts";
import type { MakeRehearsal } from "./rehearsal/rehearse_on_copy.ts";
import { createSafetyNet, safetyOptions } from "./safety_net.ts";

/** What `upgrade` and `downgrade` have in common. */
export const migrateOptions = {
  dryRun: flag("--dry-run", "print the plan and change nothing"),
  sql: flag("--sql", "print the SQL that would run, and nothing else"),
  noKeep: flag("--no-keep", "let go what the steps destroy, instead of keeping it in the database"),
  ...safetyOptions,
  ...aroundOptions,
  ...paceOptions,
  ...rehearsalOptions,
};

interface Migration {
  readonly direction: Direction;
  readonly target: string;
  readonly options: Values<typeof migrateOptions>;
  /** What is begun already; else the options' own. */
  readonly around?: Around;
  /** What keeps to budgets what came before it as well; else the options' own. */
  readonly guard?: BudgetGuard | null;
  /** Whether the application is stopped and started also when there is nothing to do. */
  readonly isAlways?: boolean;
  /** Asked once it is known that there is something to do. */
  readonly question?: (
    context: RunContext,
    plan: PreparedPlan,
    consequences: Consequences,
  ) => Promise<Question>;
}

/** Plans a migration, and prints or runs it. */
export async function runMigration(app: App, migration: Migration): Promise<Outcome> {
  const { direction, target, options, question, isAlways = false } = migration;
  let goal: Goal = { direction, text: target };
  let confirmed: PreparedPlan | null = null;
  const bareWords = options.noKeep ? "what goes does not come back" : "only what is kept comes back";
  const net = createSafetyNet(app, options, bareWords);
  const around = migration.around ?? createAround(app, options);
  const { migrate } = await import("../../migrate/migrate.ts");
  const { preparePlan } = await import("../../migrate/prepare_plan.ts");
  const { waysOfPlan } = await import("../../migrate/steps/run_steps.ts");
  const { isAnyLeft } = await import("../../migrate/clear_beside.ts");
  refuseBeside(options, options);
  const planOnly = options.dryRun || options.sql;
  const isNew = app.isAbsent();
  const where = describePlace(app, isNew);
  let consequences = noConsequences;
  const foresee = async (context: RunContext, plan: PreparedPlan, losses: readonly string[]) => {
    // In an empty database nothing is there that could go.
    consequences = plan.from === null ? { ...noConsequences, losses } : await readConsequences(app, context, {
      plan,
      losses: options.noKeep
        ? [...losses, ...await filledForGood(context, await waysOfPlan(context, plan))]
        : losses,
    });
  };
  const pace = paceOf(options);
  const make: MakeRehearsal = async (context, parts) => {
    const { planRehearsal } = await import("../../rehearse/of_plan.ts");
    return await planRehearsal(context, { ...parts, goal, pace });
  };
  if (planOnly || isNew || options.rehearse || question !== undefined) {
    const outcome = await app.withRun("read", async (context): Promise<Outcome | null> => {
      const plan = await preparePlan(context, goal);
      goal = settleGoal(goal, plan);
      if (options.sql) {
        const { renderBatches } = await import("../../engines/render_script.ts");
        const { batchesIn } = await import("../../migrate/steps/run_beside.ts");
        const batches = (await waysOfPlan(context, plan)).flatMap(batchesIn);
        const aside = await keptBy(context, plan, options.noKeep);
        const note = aside.length === 0
          ? ""
          : "-- harbor-db itself first puts aside what this destroys, and puts it back when it is undone. This script does not.\n";
        const text = note + renderBatches(context.database, batches);
        app.report.raw(text);
        if (plan.refusal !== null) app.report.note(`to read, and not to run: ${plan.refusal.message}`);
        return { json: { ...planned(plan), ...where, sql: text } };
      }
      // What an interrupted run left is ended, though there is no step: without a question, since it only keeps.
      const isIdle = plan.steps.length === 0;
      const isOver = !options.dryRun && !options.rehearse;
      if (isIdle && isOver && (plan.unreturned.length > 0 || await isAnyLeft(context))) return null;
      const { lookAhead, notEnforcedText } = await import("../../migrate/preflight/look_ahead.ts");
      const { losses = [], unenforced = [] } = await lookAhead(context, plan.from, plan.steps) ?? {};
      const tellUnenforced = () => unenforced.forEach((each) => app.report.note(notEnforcedText(each)));
      if (options.dryRun || isIdle) {
        printPlace(app, isNew);
        const ways = waysIn(await waysOfPlan(context, plan));
        printPlan(app, plan, ways);
        if (plan.steps.length > 0) await foresee(context, plan, losses);
        app.report.facts(consequenceFacts(consequences, true));
        tellUnenforced();
        for (const kept of plan.unreturned) app.report.line(`puts back  ${unreturnedText(kept)}`);
        const keeps = await keptBy(context, plan, options.noKeep);
        for (const { table, columns } of keeps) {
          app.report.line(`keeps      ${table}${columns === null ? "" : `: ${columns.join(", ")}`}`);
        }
        const unreturned = plan.unreturned.map(keptJson);
        const json = {
          ...planned(plan),
          ...where,
          losses,
          ...consequencesJson(consequences),
          keeps,
          unreturned,
          ways,
        };
        return plan.refusal === null ? { json } : { json, failure: plan.refusal };
      }
      if (plan.refusal !== null) throw plan.refusal;
      if (options.rehearse) {
        printPlace(app, isNew);
        for (const loss of losses) app.report.line(`goes       ${loss}`);
        tellUnenforced();
        const { runRehearsal } = await import("./rehearsal/run_rehearsal.ts");
        const outcome = await runRehearsal(app, context, { options, budgets: budgetsOf(options), make });
        return { ...outcome, json: { ...planned(plan), ...where, losses, ...outcome.json } };
      }
      if (question === undefined || app.settings.yes) return null;
      try {
        await app.confirm(async () => {
          await foresee(context, plan, losses);
          tellUnenforced();
          return await question(context, plan, consequences);
        });
        confirmed = plan;
        return null;
      } catch (failure) {
        if (!(failure instanceof HarborError) || failure.code !== "needs_confirmation") throw failure;
        const keeps = await keptBy(context, plan, options.noKeep);
        return {
          json: { ...planned(plan), ...where, losses, ...consequencesJson(consequences), keeps },
          failure,
        };
      }
    });
    if (outcome !== null) return outcome;
  }
  return await app.withRun(direction === "upgrade" ? "create" : "write", async (context) => {
    let isFirst = true;
    const guard = migration.guard ??
      (isGuarded(options)
        ? (await import("./rehearsal/budget_guard.ts")).openBudgetGuard(app, { options, make })
        : null);
    const beforeSteps = async (plan: PreparedPlan) => {
      if (confirmed !== null) refuseOtherSteps(confirmed, plan);
      printPlace(app, isNew);
      if (question === undefined || app.settings.yes) {
        await foresee(context, plan, []);
        app.report.facts(consequenceFacts(consequences, false));
      }
      const onTrial = isNew ? undefined : await guard?.begin(context, options.before !== undefined);
      // First of all: what the application still writes is in the backup then.
      await around.before(direction);
      await net.spread(context, plan, onTrial);
      await guard?.startHere();
    };
    const run = (context: RunContext, onStep?: () => void) =>
      migrate(context, {
        goal,
        lockWaitMs: app.lockWaitMs,
        beforeSteps,
        onStep: (step) => {
          if (isNew && isFirst) app.report.line(`made       ${app.databaseUrl().display}`);
          isFirst = false;
          onStep?.();
          printStep(app, step);
        },
        pace,
        keep: !options.noKeep,
      });
    const work = async (): Promise<Outcome> => {
      const result = await (guard === null ? run(context) : guard.run(direction, run, context));
      for (const each of result.returned) printReturned(app, each);
      for (const { table, rows } of result.pruned) {
        app.report.line(`forgot     what was kept of ${counted(rows, "row")} of ${table}: deleted since`);
      }
      if (result.steps.length === 0) printPlace(app, isNew);
      const isIdle = [result.steps, result.returned, result.pruned].every(({ length }) => length === 0);
      app.report.line(restText(result.to, isIdle));
      await guard?.tell();
      const backup = net.summary();
      return { json: { ...result, ...where, ...consequencesJson(consequences), backup, ...guard?.json() } };
    };
    const { restoreOnFailure: goesBack } = options;
    return await runAround({ context, net, around, direction, isAlways, goesBack }, work);
  });
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

/** Says which database and which history a migration is about. */
function describePlace(app: App, isNew: boolean) {
  const { display: url, dialect } = app.databaseUrl();
  return { database: { dialect, url, isNew }, history: { dir: app.historyDir() } };
}

function printPlace({ report, databaseUrl, historyDir }: App, isNew: boolean): void {
  report.line(`database   ${databaseUrl().display}${isNew ? " (does not exist yet)" : ""}`);
  report.line(`history    ${historyDir() ?? "built in"}`);
}

function planned({ from, to, steps }: PreparedPlan) {
  return {
    from,
    to,
    steps: steps.map((step) => ({
      revision: step.revision.id,
      name: step.revision.name,
      direction: step.direction,
      source: sourceOf(step),
      resumesAfter: step.resume?.statementsDone ?? null,
    })),
    backup: null,
  };
}

/** How a table is changed that others may be writing to. */
interface TableWay {
  readonly revision: string;
  readonly table: string;
  readonly way: BesideWay | Staying["way"];
  /** For people. */
  readonly words: string;
}

const inOne = "in one transaction, and nobody writes meanwhile";
const stayWords: Readonly<Record<Staying["way"], string>> = {
  copy: `it is copied ${inOne}`,
  rewrite: `its rows are written anew without what goes, ${inOne}`,
  drop: `it goes with its rows ${inOne}`,
};

/** Returns how the tables are changed that SQLite cannot alter, and what of large ones stays in one transaction. */
function waysIn(ways: readonly Way[]): readonly TableWay[] {
  return ways.flatMap(({ step: { revision: { id: revision } }, pieces }) =>
    pieces.flatMap(({ beside, stays }): readonly TableWay[] => [
      ...beside === null ? [] : [{ revision, table: beside.table, way: beside.way, words: beside.words }],
      ...stays.map(({ table, way }) => ({ revision, table, way, words: stayWords[way] })),
    ])
  );
}

/** Says where the database stands at the end, and whether nothing had to be done for that. */
function restText(to: string | null, isIdle: boolean): string {
  const at = `the database is at ${to ?? "base"}`;
  return isIdle ? `nothing to do: ${at}` : at;
}

function printPlan(
  { report }: App,
  { steps, to, unreturned }: PreparedPlan,
  ways: readonly TableWay[],
): void {
  if (steps.length === 0) return report.line(restText(to, unreturned.length === 0));
  for (const step of steps) {
    const { revision, direction, script, resume } = step;
    const { statements } = script;
    const rest = resume === null ? "" : `, resumes after ${resume.statementsDone}`;
    report.line(
      `${direction.padEnd(9)} ${revision.id}  ${revision.name}  (${
        counted(statements.length, "statement")
      }${rest})`,
    );
    if (sourceOf(step) === "ledger") {
      report.line(`${" ".repeat(11)}its script comes from the database itself (${ledgerPlace}):`);
      const lines = script.statements.flatMap(({ sql }) => `${sql};`.replaceAll("\t", "  ").split("\n"));
      for (const line of lines) report.line(`${" ".repeat(13)}${line}`);
    }
    for (const { table, words } of ways.filter((each) => each.revision === revision.id)) {
      report.line(`${" ".repeat(11)}${table}: ${words}`);
    }
  }
}

function printStep(app: App, step: StepResult): void {
  const { report } = app;
  const { revision, name, direction, ms, backfills, kept, returned } = step;
  report.line(
    `${report.colors.green(`${direction}d`.padEnd(10))} ${revision}  ${name}  ${formatDuration(ms)}`,
  );
  for (const { table, rows, batches, longestBatchMs, deletes } of backfills) {
    report.line(
      `           ${deletes ? "deleted from" : "backfilled"} ${table}: ${counted(rows, "row")} in ${
        counted(batches, "batch", "batches")
      }, the longest ${longestBatchMs} ms`,
    );
  }
  for (const each of kept) printKept(app, each);
  for (const each of returned) printReturned(app, each);
}
