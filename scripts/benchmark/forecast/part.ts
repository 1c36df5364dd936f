import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { outlooksOf } from "../../../src/author/proof/rules/outlook.ts";
import { type Dialect, dialects } from "../../../src/base/dialect.ts";
import { counted } from "../../../src/base/quantity.ts";
import { snapshotOf } from "../../../src/history/revision_schema.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { withTestDatabase } from "../../../tests/support/databases.ts";
import { contextOf } from "../../../tests/support/samples/adoption.ts";
import { type Change, changes } from "../../../tests/support/samples/changes.ts";
import {
  generateBetween,
  tablesFor,
  type TwoRevisions,
} from "../../../tests/support/samples/two_revisions.ts";
import { type Bench, databasesOf, type Part, type Section } from "../bench.ts";
import { stampFirst } from "../beside_case.ts";
import type { Outcome } from "./judge.ts";
import { reasonOf, rehearsedUpgrade } from "./rehearsed.ts";
import { fillTables } from "./rows.ts";
import { type Case, goalsOf, tableOf, wordsOf } from "./table.ts";

/** Forecasts beside the runs that follow them. */
export const forecastPart: Part = {
  name: "forecast",
  summary:
    "forecasts beside runs: every kind of change on 10,000 rows, and all revisions on up to 1,000,000 files",
  hasPeers: false,
  measure: async (bench) => [...await kindsOf(bench), ...await revisionsOf(bench)],
};

const names: Readonly<Record<Dialect, string>> = { sqlite: "SQLite", postgresql: "PostgreSQL" };

const how =
  "The upgrade has a budget that nothing breaks, so that it is rehearsed on the copy that its backup is proven with, and then runs. " +
  "Medians. A time that differs by less than 5 ms, and a lock that differs by less than its ±, has held; rows changed by a hundredth more or less are alike, since each batch has records of its own. " +
  "Budgets of half of what the run took, for lock, time (from 10 ms on) and disk (from 300 kB on), have to be found broken by the forecast, and those of twice as much, for a lock with the forecast's ± on top, kept.";

/** Kinds are many: one run of each in the place of seven is enough to count in how many the forecast held. */
const kindRuns = ({ runs }: Bench) => Math.ceil(runs / 7);
const historyRuns = ({ runs }: Bench) => Math.ceil(runs / 4);

async function kindsOf(bench: Bench): Promise<readonly Section[]> {
  const cases: Readonly<Record<Dialect, Case[]>> = { sqlite: [], postgresql: [] };
  const rows = Math.ceil(bench.files / 100);
  for (const change of changes.filter(({ what }) => new RegExp(bench.only).test(what))) {
    bench.note(change.what);
    const revisions = await revisionsFor(change);
    for (const dialect of dialects.filter((each) => (change.only ?? each) === each)) {
      const subject = { revisions, dialect, rows };
      cases[dialect].push(
        await caseOf(bench, { name: change.what, runs: kindRuns(bench) }, () => kindOutcome(bench, subject)),
      );
    }
  }
  return dialects.filter((dialect) => cases[dialect].length > 0).map((dialect) => ({
    title: `Every kind of change, ${names[dialect]}`,
    text: `${rows.toLocaleString("en-US")} rows a table, ${counted(kindRuns(bench), "run")} of each. ${how}`,
    measures: [],
    table: tableOf("kind", cases[dialect]),
    failures: [],
    goals: goalsOf(cases[dialect]),
  }));
}

async function revisionsOf(bench: Bench): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const dialect of dialects) {
    const title = `The application's history, ${names[dialect]}`;
    if (!new RegExp(bench.only).test(title)) continue;
    const cases: Case[] = [];
    for (const files of [bench.files / 100, bench.files / 10, bench.files]) {
      const name = `${files.toLocaleString("en-US")} files`;
      bench.note(`${title}, ${name}`);
      const wanted = { files, journalMode: "wal", statements: [] } as const;
      cases.push(
        await caseOf(
          bench,
          { name, runs: historyRuns(bench) },
          () =>
            databasesOf(bench, dialect).withDatabase(wanted, (url) =>
              inFolder(async (folder) => {
                const target = { dialect, url, folder, to: "head" };
                await stampFirst(bench, target);
                return await rehearsedUpgrade(bench.binary, target);
              })),
        ),
      );
    }
    sections.push({
      title,
      text: `All revisions behind the first, ${counted(historyRuns(bench), "run")} of each${
        dialect === "sqlite" ? ", in WAL mode" : ""
      }. ${how}`,
      measures: [],
      table: tableOf("rows", cases),
      failures: [],
      goals: goalsOf(cases),
    });
  }
  return sections;
}

async function caseOf(
  bench: Bench,
  { name, runs }: { readonly name: string; readonly runs: number },
  measure: () => Promise<Outcome>,
): Promise<Case> {
  const outcomes: Outcome[] = [];
  try {
    for (let round = 0; round < runs; round++) {
      const outcome = await measure();
      outcomes.push(outcome);
      bench.note(`  ${wordsOf(outcome)}`);
    }
    return { name, outcomes, failure: null };
  } catch (error) {
    const failure = reasonOf(error);
    bench.note(`  NOT TOLD: ${failure}`);
    return { name, outcomes: [], failure };
  }
}

function revisionsFor({ before, after, only, ...decisions }: Change): Promise<TwoRevisions> {
  const tables = (given: Change["before"]) => ({
    sqlite: only === "postgresql" ? {} : tablesFor("sqlite", given),
    postgresql: only === "sqlite" ? {} : tablesFor("postgresql", given),
  });
  return generateBetween(tables(before), tables(after), decisions);
}

interface Subject {
  readonly revisions: TwoRevisions;
  readonly dialect: Dialect;
  readonly rows: number;
}

function kindOutcome(bench: Bench, { revisions, dialect, rows }: Subject): Promise<Outcome> {
  const history = revisions.history(dialect);
  const [first, second] = history.revisions;
  const [before, after] = [snapshotOf(first!), snapshotOf(second!)];
  const statements = second!.upgrade().statements.map(({ sql }) => sql);
  const outlooks = outlooksOf(before, [{ before, after, statements }]);
  const empty = { files: null, journalMode: "delete", statements: [] } as const;
  return databasesOf(bench, dialect).withDatabase(empty, (url) =>
    inFolder(async (folder) => {
      for (const [path, text] of revisions.files(dialect)) {
        const file = join(folder, "drizzle", dialect, path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
      await withTestDatabase(url, async (database) => {
        const goal = { direction: "upgrade", text: first!.id } as const;
        await migrate(contextOf(database, history), { goal, lockWaitMs: 0 });
        await fillTables(database, before, { outlooks, count: rows });
      });
      return await rehearsedUpgrade(bench.binary, { dialect, url, folder });
    }));
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "harbor_db_bench_"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
