import type { SqliteFileUrl } from "../../../base/url/sqlite_url.ts";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  constants,
  createReadStream,
  existsSync,
  linkSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { openersOf } from "./file_openers.ts";
import { flush, flushFolder } from "../../../base/files/flush.ts";
import { copyFailure } from "./copy_failure.ts";
import { realPath } from "../../../base/files/real_path.ts";
import { failureCode } from "../errors.ts";
import { busyTimeoutMs, execute, prepare, resultCode } from "../open_file.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/** What is to be put in the place of a database file. */
export interface Swap {
  readonly url: SqliteFileUrl;
  /** The file to put there; it stays. */
  readonly from: string;
  readonly signal: AbortSignal;
  /** Closes this process's own connections to the database. */
  closeOthers(): Promise<void>;
}

/** What SQLite keeps beside a file. Beside another file than the one it belongs to, it destroys that one. */
const sideFiles = ["-journal", "-wal", "-shm"];

/**
 * Puts a copy of a file in the place of a database file, by renaming: whoever opens the path finds the old database or
 * the new one, whole, also after a crash. Owner and permissions stay.
 *
 * @throws {HarborError} `in_use` while another process has the file open for writing, or holds a lock on it;
 * `disk_full`, `interrupted`. The old database is then as it was
 */
export async function swapFile({ url, from, signal, closeOthers }: Swap): Promise<void> {
  const target = realPath(url.path);
  const staged = `${target}.harbor-restore`;
  refuseIfOpen(url);
  try {
    rmSync(staged, { force: true });
    await stage(from, staged, target);
    stopBackupIfAsked(signal);
    await closeOthers();
    withExclusive(target, url, () => {
      refuseIfOpen(url);
      for (const ending of sideFiles) rmSync(target + ending, { force: true });
      renameSync(staged, target);
    });
    flushFolder(dirname(target));
  } catch (error) {
    rmSync(staged, { force: true });
    throw copyFailure(url.display, error);
  }
}

/** Gives a database's files another name as they are, and returns that of the first; `null` when there is none. */
export function setFileAside(path: string): string | null {
  const target = realPath(path);
  if (!existsSync(target)) return null;
  const kept = `${target}.damaged-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  for (const ending of ["", ...sideFiles]) {
    // A second name for the same file: nothing is read, and no space is taken.
    if (existsSync(target + ending)) linkSync(target + ending, kept + ending);
  }
  return kept;
}

/** Makes the new file beside the old one, and makes sure that it is what it should be. */
async function stage(from: string, staged: string, target: string): Promise<void> {
  await copyFile(from, staged, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  flush(staged);
  const old = statSync(target, { throwIfNoEntry: false });
  chmodSync(staged, old === undefined ? 0o644 : old.mode & 0o7777);
  if (old !== undefined) keepOwner(staged, old);
  const [one, other] = [await sha256Of(from), await sha256Of(staged)];
  if (one !== other) {
    throw new HarborError(
      "backup_failed",
      `Cannot write "${staged}": it does not read back as it was written`,
    );
  }
}

function keepOwner(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  const made = statSync(path);
  if (made.uid !== uid || made.gid !== gid) chownSync(path, uid, gid);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Uint8Array);
  }
  return hash.digest("hex");
}

/**
 * Refuses while another process has the file open for writing, whether it uses it at the moment or not.
 *
 * @throws {HarborError} `in_use`
 */
export function refuseIfOpen(url: SqliteFileUrl): void {
  const [opener] = openersOf(realPath(url.path));
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
  let mode: string | undefined;
  try {
    handle = new DatabaseSync(target, { timeout: busyTimeoutMs });
    mode = journalMode(handle);
    // What is in the -wal goes into the file, and the -wal away; SQLite refuses while anyone else has the file open.
    if (mode === "wal") execute(handle, "PRAGMA journal_mode = DELETE");
    execute(handle, "BEGIN EXCLUSIVE");
    if (journalMode(handle) === "wal") throw inUse(url, "another program opened it meanwhile");
  } catch (error) {
    if (mode === "wal") leaveAsWal(handle!);
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
    if (mode === "wal") leaveAsWal(handle);
    throw error;
  } finally {
    handle.close();
  }
}

function journalMode(handle: DatabaseSync): string {
  const row = prepare(handle, "PRAGMA journal_mode").get() as unknown as { readonly journal_mode: string };
  return row.journal_mode;
}

function leaveAsWal(handle: DatabaseSync): void {
  try {
    execute(handle, "PRAGMA journal_mode = WAL");
  } catch {
    // The mode is no content: the database is whole in any of them.
  }
}
