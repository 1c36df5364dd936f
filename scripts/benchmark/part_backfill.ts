import type { Dialect } from "../../src/base/dialect.ts";
import { type Bench, type Part, toolsFor } from "./bench.ts";
import {
  alone,
  type BesideCase,
  measureCases,
  names,
  stampFirst,
  tenth,
  worseThanAlone,
} from "./beside_case.ts";
import { atMost, atMostTimes, leastOfAll } from "./goals.ts";
import { harborCommand } from "./harbor.ts";
import { applicationHistory } from "./history.ts";
import type { Measure } from "./stats.ts";
import type { Target } from "./tool.ts";

const longReadMs = 6_000;

/** The upgrade that adds and fills `storage_backend`, beside the application at work. */
export const backfillPart: Part = {
  name: "backfill",
  summary: "storage_backend on 1,000,000 files, with a writer every 5 ms beside it",
  measure: (bench) => measureCases(bench, casesFor(bench, bench.files)),
};

/** harbor-db alone, with ten times the rows and, in the same runs, with as many as above. */
export const largeBackfillPart: Part = {
  name: "backfill10",
  summary: "harbor-db's on 10,000,000 files beside 1,000,000: takes 15 GB of disk",
  async measure(bench) {
    const isLarge = ({ title }: BesideCase) => title.endsWith("WAL") || title.endsWith("PostgreSQL");
    const own = bench.tools.filter(({ name }) => name === "harbor-db");
    const cases = casesFor(bench, bench.files * 10).filter(isLarge).map((each): BesideCase => ({
      ...each,
      title: `${each.title}, ten times the files`,
      tools: own.flatMap((tool) => [tool, { ...tool, name: tenth }]),
      hasReader: false,
      text: textOf(each.files),
      goals: (measures) => [
        ...atMostTimes(measures.get(names.total)!, tenth, 10),
        ...atMost(measures.get(names.memory)!, 120),
        ...atMostTimes(measures.get(names.memory)!, tenth, 1.1),
      ],
    }));
    return await measureCases(bench, cases);
  },
};

function textOf(files: number): string {
  return `${files.toLocaleString("en-US")} files; beside it a writer that inserts and updates every 5 ms.`;
}

function casesFor(bench: Bench, files: number): readonly BesideCase[] {
  const text = textOf(files);
  const of = (measures: ReadonlyMap<string, Measure>, name: string) => measures.get(name)!;
  const shared = {
    text,
    files,
    journalMode: "wal",
    timeoutMs: 5_000,
    hasReader: false,
    longReadMs: 0,
    start: [],
    to: "5b09ebe23c76",
    prepare: stampFirst,
    change: ({ binary }: Bench, target: Target) =>
      harborCommand(binary, target, ["upgrade", target.to ?? "head", "--quiet", "--no-backup"]),
  } as const;
  const on = (dialect: Dialect) => ({
    ...shared,
    dialect,
    tools: toolsFor(bench, dialect),
    history: applicationHistory(dialect),
  });
  const [base, onServer] = [on("sqlite"), on("postgresql")];
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
        ...atMostTimes(of(measures, names.readerLongest), "sqlite3", 0.25),
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
      ...onServer,
      title: "storage_backend on PostgreSQL",
      hasReader: true,
      text: `${text} A reader reads as often.`,
      goals: (measures) => [
        ...atMost(of(measures, names.total), 1_000),
        ...worseThanAlone(of(measures, names.longest)),
        ...atMost(of(measures, names.memory), 120),
      ],
    },
    {
      ...onServer,
      title: "storage_backend on PostgreSQL, behind a long read",
      hasReader: true,
      longReadMs,
      text: `${text} Somebody else reads in one transaction for ${
        longReadMs / 1_000
      } s, from before the start.`,
      // The lock_timeout is 2 s; who waited behind it has its own work to do then.
      goals: (measures) =>
        [of(measures, names.longest), of(measures, names.readerLongest)]
          .flatMap((each) => atMost(each, 2_100)),
    },
  ];
}
