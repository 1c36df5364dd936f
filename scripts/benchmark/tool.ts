import type { Dialect } from "../../src/base/dialect.ts";
import { execFileSync } from "node:child_process";
import type { BenchHistory } from "./history.ts";
import type { Command } from "./process.ts";

/** A database to work on. */
export interface Target {
  readonly dialect: Dialect;
  /** As harbor-db and SQLAlchemy write it: `sqlite:////absolute.db`, `postgresql://…`. */
  readonly url: string;
  /** Where the tool has what {@link Tool.prepare} wrote. */
  readonly folder: string;
  /** Where harbor-db is to go with the history that is built into it; left out for the one in {@link folder}. */
  readonly to?: string;
}

/** A tool that is measured. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly dialects: readonly Dialect[];
  /** Prints its version. */
  readonly versionCommand: Command;
  /** Writes a history in the tool's own form. `applied` of its revisions will be there already. */
  prepare(folder: string, history: BenchHistory, applied: number): void;
  /** Applies all revisions, without a backup where the tool would make one. */
  upgrade(target: Target): Command;
  /** Says where a database stands; `null` when the tool has no such command. */
  status(target: Target): Command | null;
  /** Returns the SQL that makes the tool believe that it applied the first revision. */
  baseline(history: BenchHistory): readonly string[];
}

/** A tool that could not be had, and why. */
export interface MissingTool {
  readonly name: string;
  readonly reason: string;
}

/** Returns the path of a SQLite file. */
export function sqlitePath(url: string): string {
  return url.slice("sqlite:///".length);
}

/** Runs a program for its output; throws when there is no such program. */
export function outputOf(file: string, ...args: readonly string[]): string {
  return execFileSync(file, [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** Returns statements as a script. */
export function sqlOf(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};`).join("\n");
}

/** Returns a name as part of a file's name. */
export function wordsOf(name: string): string {
  return name.replaceAll(" ", "_");
}
