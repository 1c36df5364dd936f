import { counted, formatBytes, formatCount, formatDuration } from "../../../base/quantity.ts";
import type { HeldLock } from "../../../engines/watch/figures.ts";
import type { App } from "../../../cli/app.ts";
import { findingText } from "../../../cli/print_finding.ts";
import type { Breach } from "../../../rehearse/rules/budgets.ts";
import { printQueries } from "./query_output.ts";
import {
  type Growth,
  longestLock,
  type RunFigures,
  type StepFigures,
  totalOf,
} from "../../../rehearse/rules/figures.ts";
import { type Forecast, isSound } from "../../../rehearse/rules/forecast.ts";

/** What `--json` shows of a forecast. */
export function forecastJson(forecast: Forecast) {
  const { failure, schema, losses, compared, findings, queries, wayBack, copyMs, rehearsalMs, remarks } =
    forecast;
  return {
    ok: isSound(forecast),
    ...figuresJson(forecast),
    failure,
    schema,
    losses,
    compared,
    findings,
    queries,
    wayBack,
    copyMs: Math.round(copyMs),
    rehearsalMs: Math.round(rehearsalMs),
    remarks,
  };
}

/** What `--json` shows of the figures of a run. */
export function figuresJson({ steps, ms, growth }: RunFigures) {
  return {
    ms: Math.round(ms),
    growth,
    steps: steps.map((step) => ({
      ...step,
      ms: Math.round(step.ms),
      pausesMs: step.pausesMs === null ? null : Math.round(step.pausesMs),
      locks: step.locks.map((lock) => ({ ...lock, heldMs: rounded(lock.heldMs) })),
    })),
  };
}

/** Tenths, since a lock of SQLite's is often held for less than a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Prints a forecast for people. */
export async function printForecast(
  app: App,
  forecast: Forecast,
  breaches: readonly Breach[],
): Promise<void> {
  const { report } = app;
  const { steps, ms, growth, failure, schema, losses, compared, findings, queries, wayBack } = forecast;
  report.line(report.colors.bold("forecast"));
  await report.table(
    ["step", "time", "strongest lock", "held", "keeps waiting", "rows read", "changed", "grows by"],
    steps.map((step) => [
      `${step.revision} ${step.name}`,
      timeText(step),
      // Of a batch that did not commit nobody tells what it locked.
      step.isDone || step.locks.length > 0 ? lockText(step.locks[0]) : "not seen",
      forecastText(step.locks[0]),
      step.locks[0]?.blocks ?? "-",
      step.rowsRead === null ? "not counted" : formatCount(step.rowsRead),
      formatCount(step.rowsChanged),
      growthText(step.growth),
    ]),
  );
  for (const { revision, locks } of steps) {
    const longest = longestLock(locks);
    if (longest === null || longest.heldMs <= locks[0]!.heldMs * notably) continue;
    report.line(
      `longest    ${revision}: ${lockText(longest)} for ${
        forecastText(longest)
      }, keeps ${longest.blocks} waiting`,
    );
  }
  if (failure === null) {
    report.line(`in all     ${formatDuration(ms)}, ${growthText(growth)} more on the disk at most`);
  } else {
    report.line(`in all     ${formatDuration(ms)} until it fails`);
    report.line(report.colors.red(`fails      ${failure.message}`));
    for (const hint of failure.hint) report.line(`           ${report.remedy(hint)}`);
  }
  for (const change of schema) report.line(`schema     ${change}`);
  for (const loss of losses) report.line(report.colors.red(`differs    ${loss}`));
  if (failure === null) {
    report.line(`rows       ${comparedText(compared)}`);
    for (const finding of findings) {
      const [first, ...more] = findingText(app, finding).split("\n");
      report.line(`verify     ${first}`);
      for (const line of more) report.line(`           ${line.trim()}`);
    }
    if (findings.length === 0) report.line("verify     finds nothing wrong with the result");
  }
  if (queries !== null) printQueries(app, queries);
  if (wayBack !== null) { for (const line of wayBackLines(wayBack)) report.line(`way back   ${line}`); }
  for (const { words } of breaches) report.line(budgetLine(app, words));
  report.line(
    `took       ${formatDuration(forecast.copyMs)} to copy and prove, ${
      formatDuration(forecast.rehearsalMs)
    } to rehearse`,
  );
  for (const remark of forecast.remarks) report.note(remark);
}

/** Returns the line about a budget that is not kept. */
export function budgetLine({ report }: App, words: string): string {
  return report.colors.red(`budget     ${words}`);
}

/** Prints what a run took beside what was forecast. */
export async function printComparison(app: App, forecast: Forecast, run: RunFigures): Promise<void> {
  const { report } = app;
  report.line(report.colors.bold("forecast and run"));
  await report.table(
    ["step", "time", "was", "longest lock", "was", "grows by", "was"],
    forecast.steps.map((step) => {
      const real = run.steps.find(({ revision }) => revision === step.revision);
      return [
        `${step.revision} ${step.name}`,
        formatDuration(step.ms),
        real === undefined ? "-" : endedText(real),
        forecastText(longestLock(step.locks)),
        real === undefined ? "-" : heldText(longestLock(real.locks)),
        growthText(step.growth),
        real === undefined ? "-" : growthText(real.growth),
      ];
    }),
  );
}

/** By how many times longer a weaker lock has to be held to be told beside the strongest. */
const notably = 1.5;

function comparedText({ columns, notCompared }: Forecast["compared"]): string {
  if (columns === 0) return "not compared: nothing says of a column that its values stay";
  const left = notCompared.length === 0 ? "" : `, not those of ${notCompared.join(", ")} (no primary key)`;
  return `${counted(columns, "column")} that nothing changes compared with what they were${left}`;
}

function wayBackLines({ why, failure, differences }: NonNullable<Forecast["wayBack"]>): readonly string[] {
  if (why !== null) return [`not tried: ${why}`];
  if (failure !== null) return [`fails: ${failure.message}`];
  if (differences.length === 0) return ["goes back and there again, and all is as before"];
  return differences.map((difference) => `goes, but ${difference}`);
}

function timeText({ ms, pausesMs, isDone }: StepFigures): string {
  const pauses = pausesMs !== null && pausesMs >= 1 ? ` (${formatDuration(pausesMs)} of it pauses)` : "";
  return isDone ? `${formatDuration(ms)}${pauses}` : `fails after ${formatDuration(ms)}`;
}

function endedText({ ms, isDone }: StepFigures): string {
  return isDone ? formatDuration(ms) : `stopped after ${formatDuration(ms)}`;
}

function lockText(lock: HeldLock | undefined): string {
  if (lock === undefined) return "none";
  return `${lock.mode} on ${lock.table ?? "the database"}`;
}

function heldText(lock: HeldLock | null | undefined): string {
  if (lock === undefined || lock === null) return "-";
  return lock.heldMs < 10 ? `${lock.heldMs.toFixed(1)} ms` : formatDuration(lock.heldMs);
}

function forecastText(lock: HeldLock | null | undefined): string {
  return lock === undefined || lock === null ? "-" : `${heldText(lock)} ± ${formatDuration(lock.marginMs)}`;
}

function growthText(growth: Growth | null): string {
  return growth === null ? "not known" : formatBytes(totalOf(growth));
}
