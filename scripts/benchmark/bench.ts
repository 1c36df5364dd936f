import type { Dialect } from "../../src/base/dialect.ts";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Databases } from "./databases.ts";
import type { Measure } from "./stats.ts";
import type { MissingTool, Tool } from "./tool.ts";
import { messageOf } from "../../src/base/errors.ts";

/** What every part of the bench works with. */
export interface Bench {
  readonly tools: readonly Tool[];
  readonly missing: readonly MissingTool[];
  /** harbor-db's binary. */
  readonly binary: string;
  /** Where seeds and installed tools are kept. */
  readonly cache: string;
  readonly runs: number;
  /** How many files the application has in the larger parts. */
  readonly files: number;
  /** A pattern that the titles of the backfills have to match. */
  readonly only: string;
  readonly sqlite: Databases;
  readonly postgres: Databases;
  /** Says on the terminal what is being measured. */
  note(text: string): void;
}

/** A part of the bench. */
export interface Part {
  readonly name: string;
  readonly summary: string;
  /** `false` where it measures harbor-db alone, so that nothing has to be installed for it. */
  readonly hasPeers?: false;
  measure(bench: Bench): Promise<readonly Section[]>;
}

/** What was measured together. */
export interface Section {
  readonly title: string;
  /** How it was measured. */
  readonly text: string;
  readonly measures: readonly Measure[];
  /** What is no series of samples. */
  readonly table?: SectionTable;
  readonly failures: readonly Failure[];
  readonly goals: readonly Goal[];
}

/** A table with a column of names, and others of figures. */
export interface SectionTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the figures were made of, for the JSON. */
  readonly samples: readonly unknown[];
}

/** Runs in which another tool failed. harbor-db may not: then the whole bench does. */
export interface Failure {
  readonly tool: string;
  readonly runs: number;
  /** What it said the first time. */
  readonly message: string;
}

/** What {@link paired} found. */
export interface Paired {
  readonly measures: readonly Measure[];
  readonly failures: readonly Failure[];
}

/** A figure to reach. */
export interface Goal {
  readonly text: string;
  readonly found: string;
  readonly isReached: boolean;
}

/**
 * Runs something with every tool in turn, round by round, so that what the machine does beside it hits all of them.
 * Each round begins with another tool.
 */
export async function paired(
  { runs, note }: Bench,
  tools: readonly Tool[],
  work: (tool: Tool) => Promise<Readonly<Record<string, number>>>,
): Promise<Paired> {
  const samples = new Map<string, Map<string, number[]>>();
  const failures = new Map<string, Failure>();
  for (let round = 0; round < runs; round++) {
    note(`  run ${round + 1} of ${runs}`);
    for (let turn = 0; turn < tools.length; turn++) {
      const tool = tools[(round + turn) % tools.length]!;
      const values = await work(tool).catch((error: unknown) => {
        const message = messageOf(error);
        if (tool.name.startsWith("harbor-db")) throw error;
        note(`  FAILED: ${message}`);
        failures.set(tool.name, { message, tool: tool.name, runs: (failures.get(tool.name)?.runs ?? 0) + 1 });
        return {};
      });
      for (const [name, value] of Object.entries(values)) {
        const series = samples.get(name) ?? new Map<string, number[]>();
        samples.set(name, series.set(tool.name, [...series.get(tool.name) ?? [], value]));
      }
    }
  }
  const measures = [...samples].map(([name, series]): Measure => ({
    name,
    unit: /\bMB\b/.test(name) ? "MB" : /\bms\b/.test(name) ? "ms" : "count",
    series: tools.flatMap(({ name: tool }) => series.has(tool) ? [{ tool, samples: series.get(tool)! }] : []),
  }));
  return { measures, failures: [...failures.values()] };
}

/** Returns the databases of a dialect. */
export function databasesOf(bench: Bench, dialect: Dialect): Databases {
  return dialect === "sqlite" ? bench.sqlite : bench.postgres;
}

/** Returns the tools that know a dialect. */
export function toolsFor({ tools }: Bench, dialect: Dialect): readonly Tool[] {
  return tools.filter((tool) => tool.dialects.includes(dialect));
}

/** Runs work with a folder for each tool, in which it finds what the tool wrote there. */
export async function withFolders<T>(
  tools: readonly Tool[],
  prepare: (tool: Tool, folder: string) => void,
  work: (folderOf: (tool: Tool) => string) => Promise<T>,
): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), "harbor_db_bench_"));
  try {
    for (const tool of tools) {
      mkdirSync(join(parent, tool.name));
      prepare(tool, join(parent, tool.name));
    }
    return await work((tool) => join(parent, tool.name));
  } finally {
    rmSync(parent, { recursive: true });
  }
}

/** Runs work with an empty database for each tool, all there at once. */
export function withDatabases<T>(
  databases: Databases,
  tools: readonly Tool[],
  work: (urlOf: (tool: Tool) => string) => Promise<T>,
): Promise<T> {
  const [next, ...rest] = tools;
  if (next === undefined) return work(() => "");
  return databases.withDatabase(
    { files: null, journalMode: "delete", statements: [] },
    (url) => withDatabases(databases, rest, (urlOf) => work((tool) => tool === next ? url : urlOf(tool))),
  );
}
