import type { Dialect } from "../../src/base/dialect.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { withClient } from "../../tests/support/servers/postgres_server.ts";
import { type Bench, databasesOf, type Goal, paired, type Section, withFolders } from "./bench.ts";
import { type Seen, startClient } from "./beside.ts";
import type { JournalMode } from "./databases.ts";
import { atMostTimes } from "./goals.ts";
import { harborCommand } from "./harbor.ts";
import type { BenchHistory } from "./history.ts";
import { type Command, run } from "./process.ts";
import { type Measure, medianOf } from "./stats.ts";
import type { Target, Tool } from "./tool.ts";

/** A change of a large database with an application at work beside it. */
export interface BesideCase {
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
  readonly tools: readonly Tool[];
  /** What other tools apply: all of it but the first revision, which is there. */
  readonly history: BenchHistory;
  /** SQL that makes of the application's first revision what is there before the change. */
  readonly start: readonly string[];
  /** The revision to which harbor-db goes. */
  readonly to: string;
  /** Lets harbor-db know the database before the application is at work. */
  readonly prepare: (bench: Bench, target: Target) => Promise<void>;
  /** Returns harbor-db's change. */
  readonly change: (bench: Bench, target: Target) => Command;
  readonly goals: (measures: ReadonlyMap<string, Measure>) => readonly Goal[];
}

/** The names of what is measured. */
export const names = {
  total: "total, ms",
  longest: "longest wait of a writer, ms",
  p99: "99th percentile of its waits, ms",
  readerLongest: "longest wait of a reader, ms",
  errors: "errors",
  left: "rows left NULL",
  memory: "peak memory, MB",
};

/** The name of what stands beside the tools: no tool at all. */
export const alone = "nothing beside it";

/** harbor-db with a tenth of the files. */
export const tenth = "harbor-db, a tenth of the files";

/** Lets harbor-db know that a database is at the application's first revision. */
export async function stampFirst(bench: Bench, target: Target): Promise<void> {
  await run(harborCommand(bench.binary, target, ["stamp", "71dda59686db", "--yes", "--quiet"]));
}

/** Checks that the writer's longest wait is no worse than on the same server at rest. */
export function worseThanAlone(measure: Measure): readonly Goal[] {
  return medianOf(measure, alone) === null ? [] : atMostTimes(measure, alone, 1);
}

/** Measures the cases that the bench asks for. */
export async function measureCases(bench: Bench, cases: readonly BesideCase[]): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const each of cases.filter(({ title }) => new RegExp(bench.only).test(title))) {
    sections.push(await measureCase(bench, each));
  }
  return sections;
}

async function measureCase(bench: Bench, wanted: BesideCase): Promise<Section> {
  bench.note(`${wanted.title}, ${wanted.files} files`);
  const { title, text, dialect, journalMode, history, goals } = wanted;
  const { measures, failures } = await withFolders(
    wanted.tools,
    (tool, folder) => tool.prepare(folder, history, 1),
    (folderOf) =>
      paired(
        bench,
        [...wanted.tools, idle(dialect)],
        (tool) =>
          databasesOf(bench, dialect).withDatabase(
            {
              files: tool.name === tenth ? wanted.files / 10 : wanted.files,
              journalMode,
              statements: [...wanted.start, ...tool.baseline(history)],
            },
            (url) => {
              const folder = tool.name === alone ? bench.cache : folderOf(tool);
              return measureOne(bench, { tool, wanted, target: { dialect, url, folder, to: wanted.to } });
            },
          ),
      ),
  );
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
  readonly wanted: BesideCase;
  readonly target: Target;
}

async function measureOne(
  bench: Bench,
  { tool, wanted, target }: Given,
): Promise<Readonly<Record<string, number>>> {
  const { hasReader, timeoutMs } = wanted;
  const isHarbor = tool.name === "harbor-db" || tool.name === tenth;
  if (isHarbor) await wanted.prepare(bench, target);
  const writer = await startClient(target.url, { role: "writer", timeoutMs });
  const reader = hasReader ? await startClient(target.url, { role: "reader", timeoutMs }) : null;
  const longRead = wanted.longReadMs === 0 ? null : await startLongRead(target.url, wanted.longReadMs);
  const command = isHarbor ? wanted.change(bench, target) : tool.upgrade(target);
  const ran = await run(command).catch(async (error: unknown) => {
    await Promise.all([writer.end(), reader?.end(), longRead?.ended]);
    throw error;
  });
  const [seen] = await writer.end(ran);
  const [read] = await reader?.end(ran) ?? [];
  await longRead?.ended;
  const waits = { [names.longest]: seen.longestMs, [names.p99]: seen.p99Ms };
  const others = {
    ...waits,
    ...(read === undefined ? {} : { [names.readerLongest]: read.longestMs }),
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
export function idle(dialect: Dialect): Tool {
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
