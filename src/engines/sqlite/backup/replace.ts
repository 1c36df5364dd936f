import type { SqliteFileUrl } from "../../../base/url/sqlite_url.ts";
import { existsSync, linkSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { counted } from "../../../base/quantity.ts";
import { checkHere } from "./copy.ts";
import { copyFailure, notConfirmed } from "./copy_failure.ts";
import {
  damagedMark,
  refuseDanglingLink,
  refuseOtherKinds,
  refuseOtherPaths,
  sideFiles,
} from "../connection/database_file.ts";
import { keepAttributes } from "./keep_attributes.ts";
import {
  makePrivateFolder,
  type OpenFolder,
  openFolder,
  trustedPath,
  withOpenFolder,
} from "../../../base/files/open_folder.ts";
import type { CopyToPlace } from "../../backup/engine.ts";
import { copyLargeFile, isCloned } from "../../../base/files/copy_large_file.ts";
import { removeFileSync } from "../../../base/files/remove_sync.ts";
import { requireSpace } from "../../../base/files/free_space.ts";
import { digestFile } from "../../../base/files/file_digest.ts";
import { ownerFor } from "../../../base/files/owner.ts";
import { failureCode } from "../connection/errors.ts";
import { openersOf } from "../connection/file_openers.ts";
import { busyTimeoutMs, execute, isWalMode, resultCode } from "../connection/open_file.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/** What is to be put in the place of a database file. */
export interface Swap {
  readonly url: SqliteFileUrl;
  /** The file to put there; it stays. */
  readonly from: string;
  readonly signal: AbortSignal;
  /** The indexes of it that have to be rebuilt, if any. */
  readonly wrongIndexes?: readonly string[] | undefined;
  /** Closes this process's own connections to the database. */
  closeOthers(): Promise<void>;
  /** Told what could not be kept. */
  readonly onRemark?: ((text: string) => void) | undefined;
}

/** How a folder begins in which the new file is made, after the database's own name. */
const stagingMark = ".harbor-restore-";

/**
 * Puts a copy of a file in the place of a database file, by renaming: whoever opens the path finds the old database or
 * the new one, whole, also after a crash. Owner, rights, ACL and extended attributes stay.
 *
 * The new file is made in a folder of its own that nobody else may look into, since the database's may be somebody
 * else's.
 *
 * @throws {HarborError} `in_use` while another process has the file open for writing, or holds a lock on it;
 * `unsafe_path` for a file that has other names; `disk_full`, `interrupted`. The old database is then as it was
 */
export async function swapFile(
  { url, from, signal, wrongIndexes = [], closeOthers, onRemark }: Swap,
): Promise<void> {
  refuseUnlessReplaceable(url);
  refuseIfOpen(url);
  const target = trustedPath(url.path);
  const name = basename(target);
  const folder = openFolder(dirname(target));
  let isReplaced = false;
  try {
    removeLeftovers(folder, name);
    const own = makePrivateFolder(folder, `.${name}${stagingMark}`);
    try {
      const staged = own.path("new");
      await stage(from, { staged, target: folder.path(name), shown: target, signal, onRemark });
      if (wrongIndexes.length > 0) {
        await rebuildIndexes(staged);
        onRemark?.(
          `the backup's entries of ${
            counted(wrongIndexes.length, "index", "indexes")
          } were not those of the rows: ${
            wrongIndexes.join(", ")
          }; the indexes were rebuilt, and all entries compared`,
        );
      }
      stopBackupIfAsked(signal);
      await closeOthers();
      withExclusive(folder.path(name), url, () => {
        refuseUnlessReplaceable(url);
        refuseIfOpen(url);
        for (const ending of sideFiles) removeFileSync(folder.path(name + ending));
        renameSync(staged, folder.path(name));
        isReplaced = true;
      });
      folder.flush();
    } finally {
      own.remove();
    }
  } catch (error) {
    if (isReplaced) throw notConfirmed(url.display, error);
    throw roomFailure(copyFailure(url.display, error, [target]), dirname(target));
  } finally {
    folder.close();
  }
}

/** Says of a full disk which folder it is that lacks room: the new file is made beside the old one. */
function roomFailure(error: unknown, folder: string): unknown {
  if (!(error instanceof HarborError) || error.code !== "disk_full") return error;
  return new HarborError("disk_full", error.message, {
    hint: roomHint(folder),
    details: { ...error.details, folder },
    cause: error,
  });
}

function roomHint(folder: string): string {
  return `Free some space in "${folder}", where the new file is made beside the old one. The database is as it was.`;
}

/**
 * Makes sure that there is room for a copy beside the database that it replaces. A clone takes none, and only trying tells whether
 * the file system makes one.
 *
 * @throws {HarborError} `disk_full`
 */
export async function requireRoomBeside(
  path: string,
  { path: from, bytes, isPlain }: CopyToPlace,
): Promise<void> {
  const target = trustedPath(path);
  try {
    await requireSpace(dirname(target), bytes, roomHint(dirname(target)));
  } catch (error) {
    if (!isPlain || !canClone(from, target)) throw error;
  }
}

function canClone(from: string, target: string): boolean {
  return withOpenFolder(dirname(target), (folder) => {
    const own = makePrivateFolder(folder, `.${basename(target)}${stagingMark}`);
    try {
      return isCloned(from, own.path("new"));
    } finally {
      own.remove();
    }
  });
}

/**
 * Refuses to put a file in the place of what is no ordinary file with one name.
 *
 * @throws {HarborError} `connection_failed` or `unsafe_path`
 */
export function refuseUnlessReplaceable(url: SqliteFileUrl): void {
  const path = resolve(url.path);
  const what = { url: url.display, verb: "replace" };
  refuseDanglingLink(path, what);
  refuseOtherKinds(path, url.display);
  refuseOtherPaths(trustedPath(path), what);
}

/** Gives a database's files another name as they are, and returns that of the first; `null` when there is none. */
export function setFileAside(path: string): string | null {
  const target = trustedPath(path);
  if (!existsSync(target)) return null;
  return withOpenFolder(dirname(target), (folder) => {
    const name = basename(target);
    const ending = freeEnding(folder, name);
    for (const side of ["", ...sideFiles]) {
      // A second name for the same file: nothing is read, and no space is taken.
      if (existsSync(folder.path(name + side))) {
        linkSync(folder.path(name + side), folder.path(name + ending + side));
      }
    }
    return target + ending;
  });
}

/** Returns what to put behind a name; a number follows the second where something is called by that already. */
function freeEnding(folder: OpenFolder, name: string): string {
  const ending = `${damagedMark}${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  const taken = new Set(readdirSync(folder.path(".")));
  let free = ending;
  for (let at = 2; ["", ...sideFiles].some((side) => taken.has(name + free + side)); at += 1) {
    free = `${ending}-${at}`;
  }
  return free;
}

/** Removes what a restore left that was killed. Of two at once, the database's lock holds one back. */
function removeLeftovers(folder: OpenFolder, name: string): void {
  for (const left of readdirSync(folder.path("."))) {
    if (left.startsWith(`.${name}${stagingMark}`)) {
      rmSync(folder.path(left), { recursive: true, force: true });
    }
  }
}

interface Stage {
  readonly staged: string;
  readonly target: string;
  /** The path of what is replaced, as it may be shown. */
  readonly shown: string;
  readonly signal: AbortSignal;
  readonly onRemark: Swap["onRemark"];
}

/** Makes the new file, and makes sure that it is what it should be. */
async function stage(from: string, { staged, target, shown, signal, onRemark }: Stage): Promise<void> {
  await copyLargeFile(from, staged, signal);
  const stat = lstatSync(target, { throwIfNoEntry: false });
  const lost = await keepAttributes(
    staged,
    stat === undefined ? ownerFor(dirname(target)) : { path: target, shown, stat },
  );
  if (lost !== null) onRemark?.(lost);
  const [one, other] = [await digestFile(from, signal), await digestFile(staged, signal)];
  if (one.sha256 !== other.sha256) {
    throw new HarborError(
      "backup_failed",
      `Cannot write "${shown}": it does not read back as it was written`,
      { hint: "Nothing was changed. Look for a failing disk or memory: dmesg" },
    );
  }
}

/** Makes all indexes of a file anew, and has SQLite check all of it. */
async function rebuildIndexes(staged: string): Promise<void> {
  const handle = new DatabaseSync(staged);
  try {
    execute(handle, "REINDEX");
  } finally {
    handle.close();
  }
  await checkHere({ path: staged, pragma: "integrity_check" });
}

/**
 * Refuses while another process has the file open for writing, whether it uses it at the moment or not.
 *
 * @throws {HarborError} `in_use`
 */
export function refuseIfOpen(url: SqliteFileUrl): void {
  const [opener] = openersOf(trustedPath(url.path));
  if (opener !== undefined) {
    throw inUse(url, `pid ${opener.pid} (${opener.name}) has the file open for writing`);
  }
}

function inUse(url: SqliteFileUrl, state: string, cause?: unknown): HarborError {
  return new HarborError("in_use", `Cannot replace "${url.display}": ${state}`, {
    hint: "Stop the application, and run the same command again. Nothing was changed.",
    cause,
  });
}

/** Runs `work` while no other connection can read or write the database, if it still is one. */
function withExclusive(target: string, url: SqliteFileUrl, work: () => void): void {
  if (!existsSync(target)) return work();
  let handle: DatabaseSync | undefined;
  let isWal = false;
  try {
    handle = new DatabaseSync(target, { timeout: busyTimeoutMs });
    isWal = isWalMode(handle);
    // What is in the -wal goes into the file, and the -wal away; SQLite refuses while anyone else has the file open.
    if (isWal) execute(handle, "PRAGMA journal_mode = DELETE");
    execute(handle, "BEGIN EXCLUSIVE");
    if (isWalMode(handle)) throw inUse(url, "another program opened it meanwhile");
  } catch (error) {
    if (isWal) leaveAsWal(handle!);
    handle?.close();
    if (error instanceof HarborError) throw error;
    const message = messageOf(error);
    const code = failureCode(message, resultCode(error));
    if (code === "busy") throw inUse(url, "another program is using it", error);
    // What is no database (any more) has no locks either.
    if (code !== "not_a_database") throw error;
    return work();
  }
  try {
    work();
  } catch (error) {
    execute(handle, "ROLLBACK");
    if (isWal) leaveAsWal(handle);
    throw error;
  } finally {
    handle.close();
  }
}

function leaveAsWal(handle: DatabaseSync): void {
  try {
    execute(handle, "PRAGMA journal_mode = WAL");
  } catch {
    // The mode is no content: the database is whole in any of them.
  }
}
