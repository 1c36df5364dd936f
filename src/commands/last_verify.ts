import { resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import { formatDuration } from "../base/quantity.ts";
import { type RunRecord, verdictOf } from "../verify/rules/run_record.ts";
import { isInFuture } from "../backup/rules/manifest.ts";
import { readRuns } from "../verify/run_log.ts";
import type { App } from "../cli/app.ts";
import { databaseIdentity } from "./backup/options.ts";

/** Returns the last run of `verify` on this database that its log holds; `null` without one. */
export function lastVerify(app: App, log: string): RunRecord | null {
  const { system, report } = app;
  const database = databaseIdentity(app, app.databaseUrl());
  try {
    return readRuns(resolve(system.cwd, log)).findLast((run) => run.database === database) ?? null;
  } catch (error) {
    // A log that this user may not read says nothing about the database.
    report.note(messageOf(error));
    return null;
  }
}

/** Says how a run ended and how long ago: `2 failed (data, backup), 5 h 3 min ago`. */
export function describeRun(run: RunRecord, now: Date): string {
  const { at, exitCode, summary, problems, notChecked } = run;
  const names = exitCode === 0 ? notChecked : [...new Set(problems.map((problem) => problem.check))];
  const verdict = summary.fail > 0 ? `${summary.fail} failed` : verdictOf(run);
  const not = exitCode === 0 ? "not: " : "";
  const state = names.length === 0 ? verdict : `${verdict} (${not}${names.join(", ")})`;
  if (isInFuture(at, now)) return `${state}, at a time still to come: ${at}`;
  return `${state}, ${formatDuration(Math.max(0, now.getTime() - Date.parse(at)))} ago`;
}
