import { counted, formatDuration } from "../../base/quantity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Direction } from "../../history/applied.ts";
import type { StepResult } from "../../migrate/step_result.ts";
import type { PreparedPlan } from "../../migrate/migrate.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { flag, type Values } from "../../cli/options.ts";
import { paceOf, paceOptions } from "./pace_options.ts";
import { createSafetyNet, safetyOptions } from "./safety_net.ts";

/** What `upgrade` and `downgrade` have in common. */
export const migrateOptions = {
  dryRun: flag("--dry-run", "print the plan and change nothing"),
  sql: flag("--sql", "print the SQL that would run, and nothing else"),
  ...safetyOptions,
  ...paceOptions,
};

interface Migration {
  readonly direction: Direction;
  readonly target: string;
  readonly options: Values<typeof migrateOptions>;
  /** Asked once it is known that there is something to do. */
  readonly question?: (context: RunContext, plan: PreparedPlan, losses: readonly string[]) => Promise<string>;
}

/** Plans a migration, and prints or runs it. */
export async function runMigration(app: App, migration: Migration): Promise<Outcome> {
  const { direction, target, options, question } = migration;
  const goal = { direction, text: target };
  const net = createSafetyNet(app, options);
  const run = await import("../../migrate/migrate.ts");
  const planOnly = options.dryRun || options.sql;
  const isNew = app.isAbsent();
  const where = describePlace(app, isNew);
  if (planOnly || isNew || question !== undefined) {
    const outcome = await app.withRun("read", async (context): Promise<Outcome | null> => {
      const plan = await run.preparePlan(context, goal);
      if (options.sql) {
        const { renderBatch } = await import("../../engines/render_script.ts");
        const batches = [...run.batchesOfPlan(context, plan)];
        const script = batches.map((batch) =>
          renderBatch(context.database.dialect, batch.statements, batch.mode)
        );
        app.report.raw(script.join(""));
        return { json: { ...planned(plan), ...where, sql: script.join("") } };
      }
      const losses = (await run.preflight(context, plan.from, plan.steps))?.losses ?? [];
      if (options.dryRun || plan.steps.length === 0) {
        printPlace(app, isNew);
        printPlan(app, plan);
        for (const loss of losses) app.report.line(`goes       ${loss}`);
        return { json: { ...planned(plan), ...where, losses } };
      }
      if (question !== undefined) await app.confirm(() => question(context, plan, losses));
      return null;
    });
    if (outcome !== null) return outcome;
  }
  return await app.withRun(direction === "upgrade" ? "create" : "write", async (context) => {
    let isFirst = true;
    const beforeSteps = async (plan: PreparedPlan) => {
      printPlace(app, isNew);
      await net.spread(context, plan);
    };
    try {
      const result = await run.migrate(context, {
        goal,
        lockWaitMs: app.lockWaitMs,
        beforeSteps,
        onStep: (step) => {
          if (isNew && isFirst) app.report.line(`made       ${app.databaseUrl().display}`);
          isFirst = false;
          printStep(app, step);
        },
        pace: paceOf(options),
      });
      if (result.steps.length === 0) printPlace(app, isNew);
      const at = `the database is at ${result.to ?? "base"}`;
      app.report.line(result.steps.length === 0 ? `nothing to do: ${at}` : at);
      await net.fold(context);
      return { json: { ...result, ...where, backup: net.summary() } };
    } catch (error) {
      throw await net.catch(context, error);
    }
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
    steps: steps.map(({ revision, direction, resume }) => ({
      revision: revision.id,
      name: revision.name,
      direction,
      resumesAfter: resume?.statementsDone ?? null,
    })),
    backup: null,
  };
}

function printPlan({ report }: App, { steps, to }: PreparedPlan): void {
  if (steps.length === 0) return report.line(`nothing to do: the database is at ${to ?? "base"}`);
  for (const { revision, direction, script, resume } of steps) {
    const { statements } = script;
    const rest = resume === null ? "" : `, resumes after ${resume.statementsDone}`;
    report.line(
      `${direction.padEnd(9)} ${revision.id}  ${revision.name}  (${
        counted(statements.length, "statement")
      }${rest})`,
    );
  }
}

function printStep({ report }: App, { revision, name, direction, ms, backfills }: StepResult): void {
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
}
