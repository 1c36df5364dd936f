import type { SqliteFileUrl } from "../../base/url/sqlite_url.ts";
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { HarborError, messageOf } from "../../base/errors.ts";
import { chooseName, newestFirst, unknownBackup } from "../rules/choose.ts";
import { backupPathOf, type Manifest, manifestPathOf, parseManifest } from "../rules/manifest.ts";
import { chownCommand, runAsOwner } from "../../base/files/owner.ts";
import { trustedPath } from "../../base/files/open_folder.ts";
import { isRegularFile, readRegularText } from "../../base/files/regular_file.ts";

/** A backup as it lies in its folder. */
export interface StoredBackup {
  readonly path: string;
  readonly manifestPath: string;
  readonly manifest: Manifest;
  /** Whether the file is there, as long as its manifest says. What is in it takes `backup verify` to know. */
  readonly isWhole: boolean;
}

/** What is in a folder of backups. */
export interface BackupList {
  /** The newest first. */
  readonly backups: readonly StoredBackup[];
  /** What is wrong with manifests that could not be read. */
  readonly problems: readonly HarborError[];
}

/** How the folders end that runs work in. */
export const workspaceEnding = ".partial";

/** A manifest that is longer was not written by harbor-db. */
export const longestManifest = 16 * 1024 * 1024;

/** Lists a folder's backups. What has no manifest is none; a folder that is not there has none. */
export function readBackups(folder: string): BackupList {
  const backups: StoredBackup[] = [];
  const problems: HarborError[] = [];
  for (const name of manifestNames(folder)) {
    try {
      backups.push(readBackup(join(folder, backupPathOf(name)!)));
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      // One remedy for all that this user may not read.
      const isSaid = error.code === "read_only" && problems.some(({ code }) => code === "read_only");
      if (!isSaid) problems.push(error);
    }
  }
  return { backups: backups.toSorted(newestFirst), problems };
}

/** The newest backup, and what was passed over on the way to it. */
export interface Newest {
  readonly backup: StoredBackup | null;
  /** Of the same database, or perhaps of it, and newer: what cannot be used, the newest first. */
  readonly unusable: readonly Unusable[];
  /** Of the same database, dated in the future: how old they are nobody knows. */
  readonly fromFuture: readonly StoredBackup[];
}

/** A backup that is not whole, or a manifest that nobody can read. */
export interface Unusable {
  /** Its id, or what stands for it in the name of its manifest. */
  readonly id: string;
  /** `null` where the manifest cannot be read. */
  readonly backup: StoredBackup | null;
  /** Why the manifest cannot be read. */
  readonly problem: HarborError | null;
}

/** Which backups `findNewest` is after. */
export interface Wanted {
  isMeant(manifest: Manifest): boolean;
  /** Told of manifests that this user may not read. */
  onForbidden?(error: HarborError): void;
}

/**
 * Reads the manifest of a backup's file.
 *
 * @throws {HarborError} `damaged_backup` when there is none that can be trusted
 */
export function readBackup(path: string): StoredBackup {
  const manifestPath = manifestPathOf(path);
  const manifest = parseManifest(readManifestText(path, manifestPath), manifestPath);
  return { path, manifestPath, manifest, isWhole: sizeOf(path) === manifest.bytes };
}

/** Whether a manifest names the very file beside it: a copied one would have another program's file removed. */
export function isNamedByItself({ path, manifest: { id, file } }: StoredBackup): boolean {
  return file === basename(path) && file.startsWith(`${id}.`);
}

/**
 * Refuses to put anything in the place of a backup: the one that is restored, or another one.
 *
 * @param from The file that is restored
 * @throws {HarborError} `unsafe_path`
 */
export function refuseBackup(target: SqliteFileUrl, from: string): void {
  const path = trustedPath(target.path);
  const isItself = [from, manifestPathOf(from)].some((each) => isSameFile(each, path));
  if (!isItself && !isBackup(path)) return;
  throw new HarborError(
    "unsafe_path",
    `Cannot replace "${target.display}": it is ${isItself ? "the" : "a"} backup`,
    {
      hint: "Name another file: --to sqlite:////path/of/a/database.db",
      details: { path },
    },
  );
}

/** Whether a file is a backup: its manifest can be trusted. */
export function isBackup(path: string): boolean {
  try {
    readBackup(path);
    return true;
  } catch {
    return false;
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}

function readManifestText(path: string, manifestPath: string): string {
  const damaged = (message: string, { cause, ...details }: { cause?: unknown; isMissing?: true } = {}) =>
    new HarborError("damaged_backup", message, {
      hint: "A file without its manifest proves nothing. See what else there is: harbor-db backup list",
      details: { path, manifest: manifestPath, ...details },
      cause,
    });
  let text: string | undefined;
  try {
    text = readRegularText(manifestPath, longestManifest);
  } catch (error) {
    if (isForbidden(error)) throw forbidden(manifestPath, dirname(path));
    throw damaged((error as Error).message, { cause: error });
  }
  if (text !== undefined) return text;
  throw damaged(`Cannot read "${manifestPath}": there is no such manifest`, { isMissing: true });
}

/**
 * Finds the file that a user means: its path, its manifest's, or the id of a backup in the folder or the beginning of
 * one.
 *
 * @throws {HarborError} `unknown_backup`
 */
export function findBackup(name: string, place: { readonly folder: string; readonly cwd: string }): string {
  const { folder, cwd } = place;
  const path = resolve(cwd, name);
  const asFile = backupPathOf(path) !== null && existsSync(path) ? backupPathOf(path)! : path;
  if (isRegularFile(path) || isRegularFile(manifestPathOf(asFile))) return asFile;
  if (isAbsolute(name) || basename(name) !== name) {
    throw unknownBackup(name, { place: folder, state: "there is no such file" });
  }
  return join(folder, chooseName(name, { place: folder, manifests: manifestNames(folder) }));
}

/**
 * Lists the names of the manifests in a folder.
 *
 * @throws {HarborError} `read_only` when this user may not read the folder; `file_failed`
 */
export function manifestNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith(".") && backupPathOf(name) !== null);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    if (code === "EACCES") throw forbidden(folder, folder);
    throw new HarborError("file_failed", `Cannot read "${folder}": ${messageOf(error)}`, {
      hint: "Give the folder that backups are in: --backup-dir <dir>",
      cause: error,
    });
  }
}

/** Whether a run works in a folder, or left there what it worked on: nothing else of it is read. */
export function hasWorkspaces(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => name.endsWith(workspaceEnding));
  } catch {
    return false;
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof HarborError &&
    (error.cause as NodeJS.ErrnoException | undefined)?.code === "EACCES";
}

/** Says that this user may not read something of a folder's, and the command that changes that. */
function forbidden(path: string, folder: string): HarborError {
  const command = chownCommand(folder, { isWhole: true });
  return new HarborError("read_only", `Cannot read "${path}": this user may not`, {
    hint: command === null ? runAsOwner("it", folder) : `As root: ${command}`,
    details: { path },
  });
}

/** Returns how long a file is; `undefined` when there is none, or something else. */
function sizeOf(path: string): number | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : undefined;
}
