import { counted, formatDuration } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import { ledgerPlace } from "../../history/ledger/ledger.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { sourceOf } from "../../migrate/rules/plan.ts";
import type { StepResult } from "../../migrate/steps/step_result.ts";
import { printKept, printReturned } from "./kept_lines.ts";
import type { Undertaking } from "./migration.ts";
import type { TableWay } from "./table_ways.ts";

type Place = Pick<Undertaking, "app" | "isNew">;

/** Returns which database and which history a migration is about. */
export function describePlace({ app, isNew }: Place) {
  const { display: url, dialect } = app.databaseUrl();
  return { database: { dialect, url, isNew }, history: { dir: app.historyDir() } };
}

/** Prints which database and which history a migration is about. */
export function printPlace({ app: { report, databaseUrl, historyDir }, isNew }: Place): void {
  report.line(`database   ${databaseUrl().display}${isNew ? " (does not exist yet)" : ""}`);
  report.line(`history    ${historyDir() ?? "built in"}`);
}

/** Returns of a plan what programs are told. */
export function planned({ from, to, steps }: PreparedPlan) {
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

/** Says where the database stands at the end, and whether nothing had to be done for that. */
export function restText(to: string | null, isIdle: boolean): string {
  const at = `the database is at ${to ?? "base"}`;
  return isIdle ? `nothing to do: ${at}` : at;
}

/** Prints the steps of a plan, each with how it changes tables. */
export function printPlan(
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

/** Prints a step that is complete. */
export function printStep(app: App, step: StepResult): void {
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
