import { resolve } from "node:path";
import { HarborError, messageOf } from "../../../base/errors.ts";
import type { OnTrial } from "../../../backup/copy_and_prove.ts";
import { isEmptyDatabase } from "../../../backup/position.ts";
import { appendChange, type GuardedChange } from "../../../verify/run_log.ts";
import { type backupOptions, databaseIdentity, openAppBackups } from "../../backup/options.ts";
import type { RunContext } from "../../../engines/run_context.ts";
import { recorded } from "../../../rehearse/record.ts";
import { type Breach, breachesOf } from "../../../rehearse/rules/budgets.ts";
import { joinRuns, type RunFigures } from "../../../rehearse/rules/figures.ts";
import type { Forecast } from "../../../rehearse/rules/forecast.ts";
import type { App } from "../../../cli/app.ts";
import type { Values } from "../../../cli/options.ts";
import { budgetLine, figuresJson, forecastJson, printComparison, printForecast } from "./forecast_output.ts";
import { type MakeRehearsal, rehearseOnCopy } from "./rehearse_on_copy.ts";
import { budgetsOf, type rehearsalOptions } from "./options.ts";
import { brokenError } from "./query_output.ts";
import { budgetError, failureOf, queriesOf, refuseWithoutTrial } from "./run_rehearsal.ts";

/**
 * Keeps a change to budgets: rehearses it, refuses it where the forecast breaks one, and stops it where the run does. A change
 * may be several runs one after the other (taking over a database, then its upgrade), which the first rehearsal tries together.
 */
export interface BudgetGuard {
  /**
   * Begins the rehearsal, once it is known that there is something to do; the first time only.
   *
   * @param isStopped Whether the application is stopped for the backup: it then is rehearsed now, on a copy of its own
   * @returns What rehearses on the copy that the backup is proven with, where it is to
   * @throws {HarborError} `rehearsal_failed` also where something is missing for a rehearsal, `over_budget`
   */
  begin(context: RunContext, isStopped: boolean): Promise<OnTrial | undefined>;
  /** Counts from here on what the database takes more. */
  startHere(): Promise<void>;
  /**
   * Runs `work`, and stops it beyond a budget at the next place where that harms nobody: between two batches, or in a batch
   * that the engine can roll back from outside.
   *
   * @throws {HarborError} `over_budget`, what is committed being so, and what `work` throws
   */
  run<T>(change: GuardedChange, work: GuardedRun<T>, context: RunContext): Promise<T>;
  /** Prints what the run took beside what was forecast, and which budgets it did not keep: those of its last batch, too. */
  tell(): Promise<void>;
  /** The same for `--json`. */
  json(): Readonly<Record<string, unknown>>;
}

/** What is kept to budgets. */
export type GuardedRun<T> = (context: RunContext, onStep: () => void) => Promise<T>;

/** Opens the guard of a change. */
export function openBudgetGuard(
  app: App,
  { options, make }: {
    readonly options: Values<typeof rehearsalOptions & typeof backupOptions>;
    readonly make: MakeRehearsal;
  },
): BudgetGuard {
  const budgets = budgetsOf(options);
  let startHere = () => Promise.resolve();
  let forecast: Forecast | undefined;
  let figures: RunFigures | undefined;
  async function begin(context: RunContext, isStopped: boolean): Promise<OnTrial | undefined> {
    if (forecast !== undefined || await isEmptyDatabase(context)) return undefined;
    await refuseWithoutTrial(app, options);
    const queries = await queriesOf(app, context, options.queries);
    const onTrial: OnTrial = async (trial, timing) => {
      forecast = await rehearseOnCopy(app, context, { trial, timing, make, queries });
      const breaches = breachesOf(forecast, budgets, { isForecast: true });
      await printForecast(app, forecast, breaches);
      trial.onLeft?.((sentence) => app.report.note(sentence));
      const failure = failureOf(app, forecast) ?? brokenError(app, forecast) ?? budgetError(app, breaches);
      if (failure === null) return;
      throw failure.with({ details: { rehearsal: { ...forecastJson(forecast), breaches } } });
    };
    if (!isStopped) return onTrial;
    await (await openAppBackups(app, options)).tryOnCopy(context, onTrial);
    return undefined;
  }

  async function tell(): Promise<void> {
    if (forecast === undefined || figures === undefined) return;
    await printComparison(app, forecast, figures);
    for (const { words } of breachesOf(figures, budgets)) app.report.line(budgetLine(app, words));
  }

  const json = () => ({
    rehearsal: forecast === undefined ? null : { ...forecastJson(forecast), breaches: [] },
    measured: figures === undefined
      ? null
      : { ...figuresJson(figures), breaches: breachesOf(figures, budgets) },
  });

  /** A run that ended early is told beside its forecast, too, once it did something. */
  async function ended(error: unknown): Promise<unknown> {
    if (figures === undefined || figures.steps.length === 0) return error;
    await tell();
    return error instanceof HarborError ? error.with({ details: json() }) : error;
  }

  /** What was done stands, whether or not it can be written down. */
  function log(change: GuardedChange, figures: RunFigures, error: unknown): void {
    if (options.log === undefined || forecast === undefined || figures.steps.length === 0) return;
    try {
      appendChange(resolve(app.system.cwd, options.log), {
        at: new Date().toISOString(),
        change,
        version: app.system.build.version,
        database: databaseIdentity(app, app.databaseUrl()),
        error: error === undefined ? null : messageOf(error),
        forecast: figuresJson(forecast),
        measured: figuresJson(figures),
      });
    } catch (problem) {
      app.report.note(`forecast and run were not written to the log: ${messageOf(problem)}`);
    }
  }

  return {
    begin,
    startHere: () => startHere(),
    async run(change, work, given) {
      const earlier = figures;
      const stop = new AbortController();
      const signal = AbortSignal.any([given.signal, stop.signal]);
      const options = {
        countsPauses: false,
        maxLockMs: budgets.maxLockMs,
        onFigures: (run: RunFigures) => {
          const [breach] = breachesOf(joinRuns(earlier, run), budgets);
          if (breach !== undefined && !stop.signal.aborted) stop.abort(stopped(given.database.url, breach));
        },
      };
      const run = await recorded({ ...given, signal }, options, (running, { start, stepDone }) => {
        startHere = start;
        return work(running, stepDone);
      });
      figures = joinRuns(earlier, run.figures);
      log(change, run.figures, run.failure?.error);
      if (run.failure !== null) throw await ended(run.failure.error);
      return run.result;
    },
    tell,
    json,
  };
}

function stopped(url: string, breach: Breach): HarborError {
  return new HarborError("over_budget", `Cannot go on with "${url}"`, {
    state: `it goes beyond its budget: ${breach.words}; what is committed stays`,
    hint: "Run the same command again to go on, with another budget.",
    details: { breaches: [breach] },
  });
}
