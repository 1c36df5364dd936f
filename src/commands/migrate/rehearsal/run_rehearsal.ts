import { resolve } from "node:path";
import { HarborError } from "../../../base/errors.ts";
import { isEmptyDatabase } from "../../../backup/position.ts";
import type { RunContext } from "../../../engines/run_context.ts";
import { type Breach, breachesOf, type Budgets } from "../../../rehearse/rules/budgets.ts";
import { type Forecast, isSound } from "../../../rehearse/rules/forecast.ts";
import type { App } from "../../../cli/app.ts";
import type { Outcome } from "../../../cli/command.ts";
import type { Values } from "../../../cli/options.ts";
import type { QuerySource } from "../../../rehearse/query_plans.ts";
import { type backupOptions, openAppBackups } from "../../backup/options.ts";
import { forecastJson, printForecast } from "./forecast_output.ts";
import { brokenError } from "./query_output.ts";
import type { rehearsalOptions } from "./options.ts";
import { type MakeRehearsal, rehearseOnCopy } from "./rehearse_on_copy.ts";

/** A rehearsal that somebody asked for, or that a budget demands. */
export interface RehearsalRequest {
  readonly options: Values<typeof backupOptions & typeof rehearsalOptions>;
  readonly budgets: Budgets;
  readonly make: MakeRehearsal;
}

/**
 * Rehearses on a copy that is made for it alone, and says what came of it. The database is only read.
 *
 * @returns Also the fields of `--json`
 */
export async function runRehearsal(
  app: App,
  context: RunContext,
  { options, budgets, make }: RehearsalRequest,
): Promise<Outcome> {
  if (await isEmptyDatabase(context)) {
    app.report.line("nothing to rehearse: the database is empty");
    return { json: { rehearsal: null } };
  }
  await refuseWithoutTrial(app, options);
  const queries = await queriesOf(app, context, options.queries);
  const backups = await openAppBackups(app, options);
  const atWork = await context.database.lockHolder();
  let forecast: Forecast | undefined;
  await backups.tryOnCopy(context, async (trial, timing) => {
    forecast = await rehearseOnCopy(app, context, { trial, timing, make, queries, atWork });
  });
  const breaches = breachesOf(forecast!, budgets, { isForecast: true });
  await printForecast(app, forecast!, breaches);
  const json = { rehearsal: { ...forecastJson(forecast!), breaches } };
  const failure = failureOf(app, forecast!) ?? brokenError(app, forecast!) ?? budgetError(app, breaches);
  if (failure !== null) return { json, failure };
  app.report.line("nothing was changed");
  return isSound(forecast!) ? { json } : { json, ok: false, exitCode: 3 };
}

/**
 * Says what is missing for a rehearsal before anything is begun.
 *
 * @throws {HarborError} `rehearsal_failed`; `untrusted_owner` where a trial would run a lesser role's code
 */
export async function refuseWithoutTrial(app: App, options: Values<typeof backupOptions>): Promise<void> {
  const obstacle = await (await openAppBackups(app, options)).trialObstacle();
  if (obstacle === null) return;
  throw new HarborError(obstacle.code, `Cannot rehearse on a copy of "${app.databaseUrl().display}"`, {
    state: obstacle.state,
    hint: obstacle.remedy,
  });
}

/**
 * Reads the application's queries, before anything is begun; `null` where none were given.
 *
 * @throws {HarborError} as `readQueries`
 */
export async function queriesOf(
  app: App,
  context: RunContext,
  text: string | undefined,
): Promise<QuerySource | null> {
  if (text === undefined) return null;
  const { readQueries } = await import("../../../rehearse/read_queries.ts");
  return await readQueries(context, { text, path: resolve(app.system.cwd, text) });
}

/** Returns the error of a plan that failed when it was tried; `null` when it did not. */
export function failureOf(app: App, { failure, steps }: Forecast): HarborError | null {
  if (failure === null) return null;
  const step = steps.find(({ isDone }) => !isDone);
  // What is refused there would be refused here.
  const code = failure.code === "untrusted_owner" ? failure.code : "rehearsal_failed";
  return new HarborError(code, `Cannot change "${app.databaseUrl().display}"`, {
    state: `on its copy it fails: ${failure.message}`,
    hint: ["The database is as it was.", ...failure.hint],
    details: { code: failure.code, revision: step?.revision ?? null },
  });
}

/** Returns the error of a forecast that breaks a budget; `null` when it keeps all. */
export function budgetError(app: App, breaches: readonly Breach[]): HarborError | null {
  if (breaches.length === 0) return null;
  return new HarborError("over_budget", `Cannot change "${app.databaseUrl().display}"`, {
    state: `that goes beyond its budget: ${breaches.map(({ words }) => words).join("; ")}`,
    hint: "The database is as it was. Change the revision, or allow more: --max-lock, --max-time, --max-disk",
    details: { breaches },
  });
}
