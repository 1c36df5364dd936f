import type { Dialect } from "../../src/base/dialect.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { withClient } from "../../tests/support/servers/postgres_server.ts";
import {
  type Bench,
  databasesOf,
  type Goal,
  paired,
  type Part,
  type Section,
  toolsFor,
  withFolders,
} from "./bench.ts";
import { type Seen, startClient } from "./beside.ts";
import type { JournalMode } from "./databases.ts";
import { atMost, atMostTimes, leastOfAll } from "./goals.ts";
import { applicationHistory } from "./history.ts";
import { run } from "./process.ts";
import { type Measure, medianOf } from "./stats.ts";
import type { Target, Tool } from "./tool.ts";

/** One way to add and fill `storage_backend`. */
interface Case {
  readonly title: string;
  readonly text: string;
  readonly dialect: Dialect;
  readonly journalMode: JournalMode;
  readonly files: number;
  /** How long the application waits for SQLite's lock. */
  readonly timeoutMs: number;
  /** Whether a reader works beside the writer. */
  readonly hasReader: boolean;
  /** For how long somebody else reads in one transaction, from before the start. */
  readonly longReadMs: number;
  readonly goals: (measures: ReadonlyMap<string, Measure>) => readonly Goal[];
}

const longReadMs = 6_000;
const own = {
  total: "total, ms",
  longest: "longest wait of a writer, ms",
  p99: "99th percentile of its waits, ms",
};
const names = { ...own, errors: "errors", left: "rows left NULL", memory: "peak memory, MB" };
const readerLongest = "longest wait of a reader, ms";

/** The upgrade that adds and fills `storage_backend`, beside the application at work. */
export const backfillPart: Part = {
  name: "backfill",
  summary: "storage_backend on 1,000,000 files, with a writer every 5 ms beside it",
  measure: (bench) => measureAll(bench, casesFor(bench.files)),
};

const tenth = "harbor-db, a tenth of the files";

/** harbor-db alone, with ten times the rows and, in the same runs, with as many as above. */
export const largeBackfillPart: Part = {
  name: "backfill10",
  summary: "harbor-db's on 10,000,000 files beside 1,000,000: takes 15 GB of disk",
  async measure(bench) {
    const isLarge = ({ title }: Case) => title.endsWith("WAL") || title.endsWith("PostgreSQL");
    const cases = casesFor(bench.files * 10).filter(isLarge).map((each): Case => ({
      ...each,
      title: `${each.title}, ten times the files`,
      hasReader: false,
      text: textOf(each.files),
      goals: (measures) => [
        ...atMostTimes(measures.get(names.total)!, tenth, 10),
        ...atMost(measures.get(names.memory)!, 120),
        ...atMostTimes(measures.get(names.memory)!, tenth, 1.1),
      ],
    }));
    const own = bench.tools.filter(({ name }) => name === "harbor-db");
    return await measureAll(
      { ...bench, tools: own.flatMap((tool) => [tool, { ...tool, name: tenth }]) },
      cases,
    );
  },
};

function textOf(files: number): string {
  return `${files.toLocaleString("en-US")} files; beside it a writer that inserts and updates every 5 ms.`;
}

function casesFor(files: number): readonly Case[] {
  const text = textOf(files);
  const base = {
    text,
    files,
    dialect: "sqlite" as Dialect,
    journalMode: "wal" as JournalMode,
    timeoutMs: 5_000,
    hasReader: false,
    longReadMs: 0,
  };
  const of = (measures: ReadonlyMap<string, Measure>, name: string) => measures.get(name)!;
  return [
    {
      ...base,
      title: "storage_backend on SQLite, WAL",
      goals: (measures) => [
        ...atMost(of(measures, names.longest), 120),
        ...atMost(of(measures, names.p99), 5),
        ...atMostTimes(of(measures, names.total), "sqlite3", 3),
        ...atMost(of(measures, names.memory), 120),
      ],
    },
    {
      ...base,
      title: "storage_backend on SQLite, rollback journal",
      text: `${text} A reader reads as often: without a WAL, readers wait too.`,
      journalMode: "delete",
      hasReader: true,
      goals: (measures) => [
        ...atMostTimes(of(measures, names.longest), "sqlite3", 0.25),
        ...atMostTimes(of(measures, readerLongest), "sqlite3", 0.25),
      ],
    },
    {
      ...base,
      title: "storage_backend on SQLite, an application that does not wait",
      text: `${text} It has no busy timeout: whenever the lock is taken, it has an error.`,
      timeoutMs: 0,
      goals: (measures) => leastOfAll(of(measures, names.errors), [alone]),
    },
    {
      ...base,
      title: "storage_backend on PostgreSQL",
      dialect: "postgresql",
      hasReader: true,
      text: `${text} A reader reads as often.`,
      goals: (measures) => [
        ...atMost(of(measures, names.total), 1_000),
        ...worseThanAlone(of(measures, names.longest)),
        ...atMost(of(measures, names.memory), 120),
      ],
    },
    {
      ...base,
      title: "storage_backend on PostgreSQL, behind a long read",
      dialect: "postgresql",
      hasReader: true,
      longReadMs,
      text: `${text} Somebody else reads in one transaction for ${
        longReadMs / 1_000
      } s, from before the start.`,
      // The lock_timeout is 2 s; who waited behind it has its own work to do then.
      goals: (measures) =>
        [of(measures, names.longest), of(measures, readerLongest)]
          .flatMap((each) => atMost(each, 2_100)),
    },
  ];
}

const alone = "nothing beside it";

/** The writer's longest wait is to be no worse than on the same server at rest. */
function worseThanAlone(measure: Measure): readonly Goal[] {
  return medianOf(measure, alone) === null ? [] : atMostTimes(measure, alone, 1);
}

async function measureAll(bench: Bench, cases: readonly Case[]): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const each of cases.filter(({ title }) => new RegExp(bench.only).test(title))) {
    sections.push(await measureCase(bench, each));
  }
  return sections;
}

async function measureCase(bench: Bench, wanted: Case): Promise<Section> {
  bench.note(`${wanted.title}, ${wanted.files} files`);
  const history = applicationHistory(wanted.dialect);
  const tools = toolsFor(bench, wanted.dialect);
  const { measures, failures } = await withFolders(
    tools,
    (tool, folder) => tool.prepare(folder, history, 1),
    (folderOf) =>
      paired(
        bench,
        [...tools, idle(wanted.dialect)],
        (tool) =>
          databasesOf(bench, wanted.dialect).withDatabase(
            {
              files: tool.name === tenth ? wanted.files / 10 : wanted.files,
              journalMode: wanted.journalMode,
              statements: tool.baseline(history),
            },
            (url) => {
              const folder = tool.name === alone ? bench.cache : folderOf(tool);
              return measureOne(bench, {
                tool,
                wanted,
                target: { dialect: wanted.dialect, url, folder, to: "5b09ebe23c76" },
              });
            },
          ),
      ),
  );
  const { title, text, goals } = wanted;
  return {
    title,
    text,
    measures,
    failures,
    goals: goals(new Map(measures.map((each) => [each.name, each]))),
  };
}

interface Given {
  readonly tool: Tool;
  readonly wanted: Case;
  readonly target: Target;
}

async function measureOne(
  bench: Bench,
  { tool, wanted, target }: Given,
): Promise<Readonly<Record<string, number>>> {
  const { hasReader, timeoutMs } = wanted;
  if (tool.name === "harbor-db" || tool.name === tenth) {
    await run({ ...tool.upgrade(target), args: ["stamp", "71dda59686db", "--yes", "--quiet"] });
  }
  const writer = await startClient(target.url, { role: "writer", timeoutMs });
  const reader = hasReader ? await startClient(target.url, { role: "reader", timeoutMs }) : null;
  const longRead = wanted.longReadMs === 0 ? null : await startLongRead(target.url, wanted.longReadMs);
  const never = { startedAt: 0, endedAt: 0 };
  const ran = await run(tool.upgrade(target)).catch(async (error: unknown) => {
    await Promise.all([writer.end(never), reader?.end(never), longRead?.ended]);
    throw error;
  });
  const seen = await writer.end(ran);
  const read = await reader?.end(ran);
  await longRead?.ended;
  const waits = { [names.longest]: seen.longestMs, [names.p99]: seen.p99Ms };
  const others = {
    ...waits,
    ...(read === undefined ? {} : { [readerLongest]: read.longestMs }),
    [names.errors]: seen.errors,
  };
  if (tool.name === alone) return others;
  return {
    [names.total]: ran.ms,
    ...others,
    [names.left]: await leftNull(bench, target, seen),
    [names.memory]: ran.peakMb,
  };
}

/** Counts the rows that were there when the tool ended, and have no value. */
async function leftNull(bench: Bench, { dialect, url }: Target, { wasThere }: Seen): Promise<number> {
  return await databasesOf(bench, dialect).valueOf(
    url,
    `SELECT count(*) FROM files WHERE storage_backend IS NULL AND ${wasThere}`,
  );
}

/** Starts a transaction that reads, and returns what resolves at its end once it has begun. */
async function startLongRead(url: string, ms: number): Promise<{ readonly ended: Promise<void> }> {
  let begun = () => {};
  const beginning = new Promise<void>((resolve) => begun = resolve);
  const ended = withClient(url, (sql) =>
    sql.begin(async (transaction) => {
      await transaction`SELECT count(*) FROM files WHERE id < 10`;
      begun();
      await sleep(ms);
    })).then(() => {});
  await beginning;
  return { ended };
}

/** Stands for no tool at all: what the machine does to the application by itself. */
function idle(dialect: Dialect): Tool {
  const command = { file: "sleep", args: ["2"] };
  return {
    name: alone,
    version: "",
    dialects: [dialect],
    versionCommand: command,
    prepare: () => {},
    upgrade: () => command,
    status: () => null,
    baseline: () => [],
  };
}
