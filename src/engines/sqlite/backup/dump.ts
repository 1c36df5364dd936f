import { closeSync, existsSync, fdatasyncSync, openSync, statSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { messageOf } from "../../../base/errors.ts";
import { flush } from "../../../base/files/flush.ts";
import { flushBytes, restAfter } from "../../../base/files/write_flushing.ts";
import { removeLeft } from "../../../base/files/remove.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";
import type { BackupContent, OnProgress } from "../../backup/engine.ts";
import { bringIn } from "../connection/checkpoint.ts";
import { busyTimeoutMs, execute, isWalMode, openImmutable, prepare } from "../connection/open_file.ts";
import { readContent, type ReadOptions } from "./content.ts";
import { createCopyFile, freeCopiedLock } from "./copy.ts";
import { copyFailure } from "./copy_failure.ts";
import type { FileJob } from "../apart/large_file.ts";

/** What is to be copied. */
export interface DumpJob extends FileJob {
  readonly verb: "dump";
  /** The database's address, as it may be shown. */
  readonly url: string;
  /** The file that the copy becomes. */
  readonly to: string;
}

/** How a file is copied. */
export interface DumpOptions extends ReadOptions {
  /** Called when the copy is complete and on the disk; what the database holds is read after that. */
  readonly onReady?: (() => void) | undefined;
}

/**
 * Copies the file at `path` and returns what the copy holds.
 *
 * @throws {HarborError} `backup_failed`, `disk_full`, `interrupted` …; nothing is left at `to` then
 */
export async function dumpHere(
  { path, url, to }: DumpJob,
  options: DumpOptions,
): Promise<BackupContent> {
  try {
    createCopyFile(to);
    try {
      return await withSource(path, (source) => copy(source, to, options));
    } catch (error) {
      await removeLeft(["", "-journal", "-wal", "-shm"].map((ending) => to + ending));
      throw error;
    }
  } catch (error) {
    throw copyFailure(url, error, [path, to]);
  }
}

async function copy(
  source: DatabaseSync,
  to: string,
  { signal, onProgress, onReady }: DumpOptions,
): Promise<BackupContent> {
  const waitsForNobody = isWalMode(source);
  if (waitsForNobody) relieve(source);
  execute(source, "BEGIN");
  try {
    // A transaction sees the state at its first statement.
    execute(source, "SELECT 1 FROM sqlite_schema LIMIT 1");
    const began = performance.now();
    await copyPages(source, to, {
      // Without a WAL nobody can commit until this has ended.
      mayRest: waitsForNobody,
      onProgress: (share) => {
        onProgress?.(share / 2);
        stopBackupIfAsked(signal);
      },
    });
    freeCopiedLock(to);
    flush(to);
    const copyMs = performance.now() - began;
    onReady?.();
    const content = await readContent(source, {
      signal,
      onProgress: (share) => onProgress?.(0.5 + share / 2),
    });
    return { ...content, copyMs };
  } finally {
    execute(source, "COMMIT");
    if (waitsForNobody) relieve(source);
  }
}

/**
 * Brings in what is in the WAL. While a copy is made nothing that is committed can be, so that all of it would be left to the
 * application's first commit afterwards.
 */
function relieve(source: DatabaseSync): void {
  try {
    bringIn(({ text }) => prepare(source, text).all() as never[]);
  } catch {
    // Who may only read the file, or has a full disk, can copy it all the same.
  }
}

/** After how many bytes a copy is put on the disk while nobody can commit: each flush is one more that they all wait for. */
const lockedFlushBytes = 4 * flushBytes;

/** Copies the pages that `source` sees, and puts them on the disk as it goes. */
async function copyPages(
  source: DatabaseSync,
  to: string,
  { mayRest, onProgress }: { readonly mayRest: boolean; readonly onProgress: OnProgress },
): Promise<void> {
  const { page_size: pageSize } = prepare(source, "PRAGMA page_size").get() as { readonly page_size: bigint };
  // To close it would take SQLite's locks off the file, which nobody else can see.
  const file = openSync(to, "r+");
  try {
    await backup(source, to, {
      rate: Math.ceil((mayRest ? flushBytes : lockedFlushBytes) / Number(pageSize)),
      progress: ({ totalPages, remainingPages }) => {
        const began = performance.now();
        fdatasyncSync(file);
        const restMs = mayRest ? restAfter(performance.now() - began) : 0;
        // The backup goes on as soon as this returns.
        if (restMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, restMs);
        onProgress((totalPages - remainingPages) / totalPages);
      },
    });
  } finally {
    closeSync(file);
  }
}

/** Runs work with the file at `path`, opened to read beside whoever else uses it. */
export async function withSource<T>(
  path: string,
  work: (source: DatabaseSync) => Promise<T> | T,
): Promise<T> {
  const source = openSource(path);
  try {
    return await work(source);
  } finally {
    source.close();
  }
}

/**
 * Opens the database beside the connection that is open already, without looking into the file on its own: closing
 * any other handle on it would drop the locks of that connection.
 *
 * Source: https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
 */
function openSource(path: string): DatabaseSync {
  // SQLite would make a file that is not there.
  statSync(path);
  const source = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    execute(source, "PRAGMA query_only = ON");
    execute(source, "SELECT 1 FROM sqlite_schema LIMIT 1");
    return source;
  } catch (error) {
    source.close();
    // In a folder that may not be written, a file in WAL mode that nobody has open can only be read as it is.
    if (existsSync(`${path}-wal`) || !/unable to open|readonly/i.test(messageOf(error))) throw error;
    return openImmutable(path);
  }
}
