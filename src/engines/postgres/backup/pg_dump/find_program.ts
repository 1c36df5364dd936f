import { execFile } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import type { Environment } from "../../../../base/env_file.ts";
import { HarborError } from "../../../../base/errors.ts";

/** PostgreSQL's client programs of one version. */
export interface PgDump {
  readonly pgDump: string;
  readonly pgRestore: string;
  readonly major: number;
  /** As it says: `15.18`. */
  readonly version: string;
}

/** What {@link findPgDump} goes by. */
export interface PgDumpSearch {
  /** 15 for a server of version 15.4. */
  readonly serverMajor: number;
  /** Where PATH is looked up. */
  readonly environment: Environment;
}

/** Folders in which packages put client programs; a `*` stands for a version. */
const usualFolders = [
  "/usr/lib/postgresql/*/bin", // Debian
  "/usr/pgsql-*/bin", // Red Hat, from postgresql.org
  "/usr/libexec/postgresql*", // Alpine
  "/usr/lib/postgresql*/bin", // SUSE
  "/opt/homebrew/opt/postgresql@*/bin",
  "/opt/homebrew/opt/libpq/bin",
  "/usr/local/opt/postgresql@*/bin",
  "/usr/local/opt/libpq/bin",
  "/Applications/Postgres.app/Contents/Versions/*/bin",
  "/Library/PostgreSQL/*/bin",
  "/opt/local/lib/postgresql*/bin", // MacPorts
  "/usr/local/pgsql/bin",
  "/usr/local/bin",
  "/usr/bin",
];

/**
 * Finds a pg_dump that can copy from a server, and the pg_restore beside it, in PATH and in the usual folders. It must
 * not be older than the server. Of several that are new enough, the one nearest to the server's version is taken, so
 * that the server's own tools can read the copy.
 *
 * @throws {HarborError} `backup_failed`; `details.pgDump` is `missing` or `too_old`
 */
export async function findPgDump({ serverMajor, environment }: PgDumpSearch): Promise<PgDump> {
  const found = await findPrograms(environment);
  // Stable: of two of one major, the first in PATH.
  const [nearest] = found.filter(({ major }) => major >= serverMajor).toSorted((a, b) => a.major - b.major);
  if (nearest !== undefined) return nearest;
  const newest = newestOf(found);
  throw newest === undefined ? missing(serverMajor) : tooOld(newest, serverMajor);
}

/**
 * Finds the newest pg_restore, which reads the copies of all before it, whatever version the server has that they are
 * restored to.
 *
 * @throws {HarborError} `backup_failed`; `details.pgDump` is `missing`
 */
export async function findPgRestore(environment: Environment): Promise<PgDump> {
  const newest = newestOf(await findPrograms(environment));
  if (newest === undefined) throw missing(null);
  return newest;
}

async function findPrograms(environment: Environment): Promise<readonly PgDump[]> {
  const found = await Promise.all(candidateFolders(environment["PATH"] ?? "").map(examine));
  return found.filter((programs) => programs !== null);
}

function newestOf(found: readonly PgDump[]): PgDump | undefined {
  return found.toSorted((a, b) => b.major - a.major)[0];
}

function candidateFolders(path: string): readonly string[] {
  return [
    ...new Set([...path.split(delimiter).filter((folder) => folder !== ""), ...usualFolders.flatMap(expand)]),
  ];
}

/** Returns the folders that a pattern stands for. */
function expand(pattern: string): readonly string[] {
  const star = pattern.indexOf("*");
  if (star < 0) return [pattern];
  const start = pattern.lastIndexOf("/", star);
  const end = pattern.indexOf("/", star);
  const parent = pattern.slice(0, start);
  const prefix = pattern.slice(start + 1, star);
  const rest = end < 0 ? "" : pattern.slice(end);
  try {
    const names = readdirSync(parent).filter((name) => /^\d[\d.]*$/.test(name.slice(prefix.length)));
    return names.filter((name) => name.startsWith(prefix)).map((name) => `${parent}/${name}${rest}`);
  } catch {
    return [];
  }
}

/** Returns the programs in a folder; `null` when they are not both there, or are not what their names say. */
async function examine(folder: string): Promise<PgDump | null> {
  const pgDump = join(folder, "pg_dump");
  const pgRestore = join(folder, "pg_restore");
  if (!existsSync(pgDump) || !existsSync(pgRestore)) return null;
  // Debian's wrapper starts one version or another, as configured; those stand in folders of their own.
  if (basename(realpathSync(pgDump)) === "pg_wrapper") return null;
  const said = await firstWords(pgDump);
  const version = /^pg_dump \(PostgreSQL\) (\S+)/.exec(said)?.[1] ?? "";
  const major = Number.parseInt(version, 10);
  return Number.isNaN(major) ? null : { pgDump, pgRestore, major, version };
}

function firstWords(program: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      program,
      ["--version"],
      { timeout: 5_000, env: {} },
      (error, stdout) => resolve(error ? "" : stdout),
    );
  });
}

function missing(serverMajor: number | null): HarborError {
  return new HarborError(
    "backup_failed",
    `Cannot find "pg_dump and pg_restore": no folder of PATH has it, and none of the usual ones`,
    {
      hint: serverMajor === null ? "Install PostgreSQL's client programs." : remedy(serverMajor),
      details: { pgDump: "missing", serverMajor },
    },
  );
}

function tooOld({ pgDump, version }: PgDump, serverMajor: number): HarborError {
  return new HarborError(
    "backup_failed",
    `Cannot use "${pgDump}": it is version ${version}, and the server has version ${serverMajor}`,
    { hint: remedy(serverMajor), details: { pgDump: "too_old", version, serverMajor } },
  );
}

function remedy(serverMajor: number): string {
  return `Install the client programs of version ${serverMajor} (apt-get install postgresql-client-${serverMajor}), ` +
    "or use harbor-db's own engine: --backup-engine harbor";
}
