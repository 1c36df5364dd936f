/**
 * Rehearses every kind of change that a schema can have on a proven copy, then runs it, and prints how well the forecast of time and
 * lock held: within 1.5 times, or within the margin that the forecast names. Of budgets, which a run would break when they are half of what it took,
 * and would keep when they are twice as much, it says how the forecast judged them.
 */
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { putRows } from "../src/author/proof/put_rows.ts";
import { outlooksOf } from "../src/author/rules/outlook.ts";
import { messageOf } from "../src/base/errors.ts";
import { parseDatabaseUrl } from "../src/base/url/database_url.ts";
import { openBackupEngine } from "../src/engines/open/backup_engine.ts";
import { openDatabase } from "../src/engines/open/database.ts";
import type { History } from "../src/history/history.ts";
import { snapshotOf } from "../src/history/revision_schema.ts";
import { migrate } from "../src/migrate/migrate.ts";
import { planRehearsal } from "../src/rehearse/of_plan.ts";
import { recorded } from "../src/rehearse/record.ts";
import { rehearse } from "../src/rehearse/rehearse.ts";
import { breachesOf } from "../src/rehearse/rules/budgets.ts";
import { longestLock, type RunFigures } from "../src/rehearse/rules/figures.ts";
import type { Forecast } from "../src/rehearse/rules/forecast.ts";
import {
  type Engine,
  engines,
  testClient,
  withFolder,
  withTestDatabase,
} from "../tests/support/databases.ts";
import { withOwnedPostgres } from "../tests/support/postgres_role.ts";
import { contextOf } from "../tests/support/samples/adoption.ts";
import { type Change, changes } from "../tests/support/samples/changes.ts";
import { generateBetween, tablesFor } from "../tests/support/samples/two_revisions.ts";

const usage = `Usage: scripts/forecast [--rows N] [--engine NAME] [--only TEXT]

  --rows N       rows in each table (10000)
  --engine NAME  one of ${
  engines.map(({ name }) => `"${name}"`).join(", ")
}; else "sqlite file" and "postgres 15"
  --only TEXT    kinds of change whose name has it
`;

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "10000" },
    engine: { type: "string" },
    only: { type: "string", default: "" },
    help: { type: "boolean", short: "h" },
  },
});

/** By how many times a run may differ. */
const factor = 1.5;

/** What is shorter is nothing to anybody, and its quotient says nothing. */
const nothingMs = 5;

interface Outcome {
  readonly what: string;
  readonly forecast: Forecast;
  readonly run: RunFigures;
}

async function outcomeOf(engine: Engine, change: Change): Promise<Outcome> {
  const { dialect } = engine;
  const { before, after, only, ...decisions } = change;
  const tables = (given: Change["before"]) => ({
    sqlite: only === "postgresql" ? {} : tablesFor("sqlite", given),
    postgresql: only === "sqlite" ? {} : tablesFor("postgresql", given),
  });
  const history: History = (await generateBetween(tables(before), tables(after), decisions)).history(dialect);
  const [first, second] = history.revisions;
  const from = snapshotOf(first!);
  return await withDatabase(engine, (url) =>
    withTestDatabase(url, async (database) => {
      const context = contextOf(database, history);
      await migrate(context, { goal: { direction: "upgrade", text: first!.id }, lockWaitMs: 0 });
      const statements = second!.upgrade().statements.map(({ sql }) => sql);
      const passage = { before: from, after: snapshotOf(second!), statements };
      await putRows(database, from, outlooksOf(from, [passage]), Number(values.rows));
      const forecast = await forecastOf(url, history);
      const run = await recorded(context, { countsPauses: false }, (context, { stepDone }) =>
        migrate(context, {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
          onStep: stepDone,
        }));
      if (run.failure !== null) throw run.failure.error;
      return { what: change.what, forecast, run: run.figures };
    }));
}

/** Runs `work` with a database of whose copy another one can be made: on PostgreSQL that takes a right. */
function withDatabase<T>({ name, withDatabase }: Engine, work: (url: string) => Promise<T>): Promise<T> {
  const [, version] = /^postgres (15|18)$/.exec(name) ?? [];
  if (version === undefined) return withDatabase(work);
  return withOwnedPostgres(version === "15" ? 15 : 18, "CREATEDB", ({ url }) => work(url));
}

/** Rehearses on a copy that is proven, as the command does; what `verify` would say of the result is another matter. */
async function forecastOf(url: string, history: History): Promise<Forecast> {
  const place = { url: parseDatabaseUrl(url), client: testClient, environment: process.env };
  const engine = await openBackupEngine(place);
  const { signal } = new AbortController();
  return await withFolder(async (folder) => {
    const path = join(folder, "copy");
    await engine.dump(path, signal);
    let forecast: Forecast | undefined;
    const proven = await engine.prove(path, signal, {
      async onRestored({ url, options, hold, remarks }) {
        const copy = await openDatabase(url, { client: testClient, access: "write", ...options });
        try {
          const context = contextOf(copy, history);
          const goal = { direction: "upgrade", text: "head" } as const;
          const check = () => Promise.resolve([]);
          const parts = { goal, pace: {}, check, hold, queries: null, copyMs: 0, remarks };
          forecast = await rehearse(context, await planRehearsal(context, parts));
        } finally {
          await copy.close();
        }
      },
    });
    if (forecast === undefined) {
      throw new Error(`the copy could not be restored aside: ${proven.notRestored}`);
    }
    if (forecast.failure !== null) throw new Error(`it fails on the copy: ${forecast.failure.message}`);
    return forecast;
  });
}

function lockOf({ steps }: RunFigures) {
  return longestLock(steps.flatMap(({ locks }) => locks)) ?? { heldMs: 0, marginMs: 0 };
}

function judged({ forecast, run }: Outcome) {
  const [said, was] = [lockOf(forecast), lockOf(run)];
  const breaks = (maxLockMs: number) => breachesOf(forecast, { maxLockMs }, { isForecast: true }).length > 0;
  return {
    time: isNear(forecast.ms, run.ms, nothingMs),
    lock: isNear(said.heldMs, was.heldMs, said.marginMs),
    found: was.heldMs === 0 || breaks(was.heldMs / 2),
    notInvented: !breaks(was.heldMs * 2 + said.marginMs),
  };
}

function isNear(said: number, was: number, marginMs: number): boolean {
  return Math.abs(said - was) <= marginMs || (said <= was * factor && was <= said * factor);
}

async function tell(engine: Engine): Promise<void> {
  const own = changes.filter(({ what, only }) =>
    (only === undefined || only === engine.dialect) && what.includes(values.only)
  );
  const counts = { time: 0, lock: 0, found: 0, notInvented: 0 };
  let told = 0;
  for (const change of own) {
    try {
      const outcome = await outcomeOf(engine, change);
      const verdict = judged(outcome);
      told++;
      for (const each of Object.keys(counts) as (keyof typeof counts)[]) if (verdict[each]) counts[each]++;
      const [said, was] = [lockOf(outcome.forecast), lockOf(outcome.run)];
      const misses = Object.entries(verdict).flatMap(([name, holds]) => holds ? [] : [name]);
      line(
        `${change.what.padEnd(60)} time ${ms(outcome.forecast.ms)} was ${ms(outcome.run.ms)}  lock ${
          ms(said.heldMs)
        } ± ${said.marginMs} was ${ms(was.heldMs)}  ${
          misses.length === 0 ? "" : `MISSES ${misses.join(", ")}`
        }`,
      );
    } catch (error) {
      line(`${change.what.padEnd(60)} NOT TOLD: ${messageOf(error).split("\n", 1)[0]}`);
    }
  }
  const of = (count: number) => `${count} of ${told}`;
  line(
    `${engine.name}: ${told} of ${own.length} kinds told; within ${factor}: time ${of(counts.time)}, lock ${
      of(counts.lock)
    }; ` +
      `budgets: ${of(counts.found)} breaches found, ${told - counts.notInvented} invented`,
  );
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`.padStart(10);
}

function line(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

if (values.help) process.stdout.write(usage);
else {
  const names = values.engine === undefined ? ["sqlite file", "postgres 15"] : [values.engine];
  for (const engine of engines.filter(({ name }) => names.includes(name))) await tell(engine);
  // What servers the tests share end with the process.
  process.exit(0);
}
