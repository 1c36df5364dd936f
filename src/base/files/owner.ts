import {
  chownSync,
  closeSync,
  constants,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { currentUser, trustedPath, withOpenFolder } from "./open_folder.ts";
import { limitRemedy } from "./limit_remedy.ts";
import { quoteForShell } from "../quote_shell.ts";

/** Whom a file belongs to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Returns whom something belongs to that root makes for the owner of one of these paths: the first of them that is
 * another user's. `null` for any other user than root, who can give nothing away, and when all are root's.
 */
export function ownerFor(...paths: readonly string[]): Owner | null {
  if (currentUser() !== 0) return null;
  const stats = paths.map((path) => statSync(path, { throwIfNoEntry: false }));
  return stats.find((stat) => stat !== undefined && stat.uid !== 0) ?? null;
}

/** Gives an open file to its owner. */
export function giveOpenFile(file: number, owner: Owner | null): void {
  if (owner !== null) fchownSync(file, owner.uid, owner.gid);
}

/**
 * Gives a file to its owner.
 *
 * @param path In a folder that nobody else may write
 */
export function giveFile(path: string, owner: Owner | null): void {
  if (owner === null) return;
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    giveOpenFile(file, owner);
  } finally {
    closeSync(file);
  }
}

/**
 * Makes a folder that nobody but its owner may read, and those around it that are missing.
 *
 * @throws {HarborError} `unsafe_path`; the system's own errors
 */
export function makeFolderFor(path: string, owner: Owner | null): void {
  makeTrusted(trustedPath(path), owner);
}

function makeTrusted(path: string, owner: Owner | null): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeTrusted(dirname(path), owner);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (owner === null) return;
  withOpenFolder(path, (folder) => {
    // Whoever may write the folder around it could have put another one of root's there.
    const isNew = readdirSync(folder.path(".")).length === 0;
    if (isNew) chownSync(folder.path("."), owner.uid, owner.gid);
  });
}

/**
 * Returns the command by which this user gets what root has, mostly by mistake; `null` for what a third user has, whose
 * program would lose it, and when the system names no users.
 */
export function chownCommand(path: string, { isWhole = false } = {}): string | null {
  const user = currentUser();
  if (user === undefined || thirdUser(path) !== undefined) return null;
  return `chown ${isWhole ? "-R " : ""}${user} ${quoteForShell(path)}`;
}

/** Says as whom to run what needs a path that this user may not use. */
export function runAsOwner(what: string, path: string): string {
  const owner = thirdUser(path);
  return `Run as the user that owns ${what}${owner === undefined ? "." : `: user ${owner}`}`;
}

/** Returns whose a path is, when it is neither root's nor this user's. */
function thirdUser(path: string): number | undefined {
  try {
    const uid = statSync(path, { throwIfNoEntry: false })?.uid;
    return uid === 0 || uid === currentUser() ? undefined : uid;
  } catch {
    return undefined;
  }
}

/** Returns what to do about a file or folder that could not be read. */
export function readingHint(path: string, error: unknown): string {
  const isForbidden = ["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
  if (!isForbidden) return limitRemedy(error) ?? `Look what it is: ls -ld ${quoteForShell(path)}`;
  const command = chownCommand(path);
  return command === null
    ? runAsOwner("it", path)
    : `Run as the user that may read it; or, as root: ${command}`;
}
