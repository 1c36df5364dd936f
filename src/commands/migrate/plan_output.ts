import { counted, formatDuration } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { BesideWay, Staying } from "../../engines/beside.ts";
import { ledgerPlace } from "../../history/ledger/ledger.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import { sourceOf } from "../../migrate/rules/plan.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { countRows } from "../../state/count_rows.ts";
import type { StepResult } from "../../migrate/steps/step_result.ts";
import { printKept, printReturned } from "./kept_lines.ts";
import type { Undertaking } from "./migration.ts";

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

/** How a table is changed that others may be writing to. */
export interface TableWay {
  readonly revision: string;
  readonly table: string;
  readonly way: BesideWay | Staying["way"];
  /** For people. */
  readonly words: string;
}

const inOne = "in one transaction, and nobody writes meanwhile";
const stayWords: Readonly<Record<Staying["way"], string>> = {
  write: `its rows are changed, or put into another table, ${inOne}`,
  copy: `it is copied ${inOne}`,
  rewrite: `its rows are written anew without what goes, ${inOne}`,
  drop: `it goes with its rows ${inOne}`,
};

/** Returns how the tables are changed that SQLite cannot alter, and what of large ones stays in one transaction, with about how long that is. */
export async function waysIn({ database }: RunContext, ways: readonly Way[]): Promise<readonly TableWay[]> {
  const found: TableWay[] = [];
  for (const { step: { revision: { id: revision } }, pieces } of ways) {
    for (const { beside, stays } of pieces) {
      if (beside !== null) {
        found.push({ revision, table: beside.table, way: beside.way, words: beside.words });
      }
      for (const { table, way } of stays) {
        found.push({ revision, table, way, words: `${stayWords[way]}${await timeText(database, table)}` });
      }
    }
  }
  return found;
}

/** From so many rows on it is said how long a transaction takes. */
const many = 10_000;

/** What a million files take to be copied on a quiet machine, in milliseconds. */
const msForMillion = 3_000;

/** Says about how long a transaction takes that goes through a table, by its rows: nothing of a small one, or one that an earlier step makes. */
async function timeText(database: RunContext["database"], table: string): Promise<string> {
  const [count] = await countRows(database, table) ?? [];
  if (count === undefined || count.rows < many) return "";
  const time = formatDuration(count.rows * msForMillion / 1_000_000);
  return count.isAtLeast ? `: for more than ${time}` : `: for about ${time}`;
}

/** Returns which tables keep everybody who writes waiting, and for how long. */
export async function waitsIn(context: RunContext, ways: readonly Way[]): Promise<readonly string[]> {
  const stays = new Set(ways.flatMap(({ pieces }) => pieces.flatMap((each) => each.stays)));
  const found = await waysIn(context, stays.size === 0 ? [] : ways);
  return found.flatMap(({ table, way, words }) => way in stayWords ? [`${table}: ${words}`] : []);
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
