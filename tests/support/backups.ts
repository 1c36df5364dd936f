import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { initial, storageFields } from "./samples/application.ts";
import { addFiles, valueOf } from "./samples/application.ts";
import { driverEngines, type Engine, withFolder } from "./databases.ts";
import { runCli, type RunResult } from "./run_cli.ts";

export { addFiles, initial, storageFields, valueOf };

/** A database with rows, a folder for its backups and the program. */
export interface BackupCase {
  readonly engine: Engine;
  readonly url: string;
  /** The working directory. */
  readonly cwd: string;
  readonly folder: string;
  /** Runs harbor-db on the database, with its backups in the folder. */
  run(...args: readonly string[]): Promise<RunResult>;
  /** Runs it and fails unless it ends with that exit code. */
  expect(code: number, ...args: readonly string[]): Promise<RunResult>;
  query(statement: string): ReturnType<Engine["query"]>;
  /** Returns one value as text. */
  value(statement: string): Promise<string>;
}

/** Opens a case on a database that is there already. */
export function backupCase(engine: Engine, url: string, cwd: string): BackupCase {
  const folder = join(cwd, "kept");
  const run = (...args: readonly string[]) =>
    runCli(args, { cwd, env: { DATABASE_URL: url, HARBOR_DB_BACKUP_DIR: folder } });
  return {
    engine,
    url,
    cwd,
    folder,
    run,
    expect: async (code, ...args) => {
      const result = await run(...args);
      assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    },
    query: (statement) => engine.query(url, statement),
    value: (statement) => valueOf(engine, url, statement),
  };
}

/** Runs `work` with a new database and an empty working directory. */
export function withCase<T>(engine: Engine, work: (given: BackupCase) => Promise<T>): Promise<T> {
  return engine.withDatabase((url) => withFolder((cwd) => work(backupCase(engine, url, cwd))));
}

/** Declares one test for each driver, or for each of these engines, with a new database and an empty working directory. */
export function eachCase(
  rule: string,
  work: (given: BackupCase) => Promise<void>,
  of: readonly Engine[] = driverEngines,
): void {
  for (const engine of of) test(`${engine.name}: ${rule}`, () => withCase(engine, work));
}

/** Brings a new database to the first revision and puts files into it, without a backup. */
export async function fill(given: BackupCase, files: number): Promise<void> {
  await given.expect(0, "upgrade", initial, "--no-backup");
  await addFiles(given.engine, given.url, files);
}

/** Returns the names of the backups in a folder; a file without a manifest is none. */
export function backupsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5)).sort();
}

/** Changes one byte of a file, at a share of its length. */
export function flipByte(path: string, share: number): void {
  const bytes = readFileSync(path);
  const at = Math.min(bytes.length - 1, Math.floor(bytes.length * share));
  bytes[at] = bytes[at]! ^ 0x10;
  writeFileSync(path, bytes);
}
