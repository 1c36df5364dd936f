import type { SqliteFileUrl } from "../../../base/url/sqlite_url.ts";
import { existsSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { messageOf } from "../../../base/errors.ts";
import type { BackupContent, BackupEngine, OnProgress } from "../../backup_engine.ts";
import { readContent } from "./content.ts";
import { copyFailure } from "./copy_failure.ts";
import { flush } from "../../../base/files/flush.ts";
import { createCopyFile, freeCopiedLock, proveCopy } from "./copy.ts";
import { busyTimeoutMs, execute, openImmutable, prepare } from "../open_file.ts";
import { refuseIfOpen, refuseUnlessReplaceable, setFileAside, swapFile } from "./replace.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/** Pages that SQLite copies before it reports how far it is. */
const pagesPerStep = 4_096;

/**
 * Makes copies of a SQLite file with SQLite's online backup API. A copy is a plain SQLite file.
 *
 * The copy and the digests are taken inside one read transaction, so both see the same state and the copy never has to
 * start again, however much others write. A file in WAL mode can be written meanwhile; in the other journal modes
 * writers wait for their lock until both are done.
 */
export function openSqliteEngine(url: SqliteFileUrl): BackupEngine {
  const path = resolve(url.path);

  return {
    name: "sqlite",
    suffix: ".db",
    estimate: () => guarded(() => withSource((source) => sizeOf(source))),
    uncarried: () => Promise.resolve([]),
    dump: (to, signal, onProgress) =>
      guarded(async () => {
        createCopyFile(to);
        try {
          const content = await withSource((source) => copy(source, to, { signal, onProgress }));
          freeCopiedLock(to);
          flush(to);
          return content;
        } catch (error) {
          for (const ending of ["", "-journal", "-wal", "-shm"]) rmSync(to + ending, { force: true });
          throw error;
        }
      }),
    prove: (from, signal, onProgress) => proveCopy(from, { signal, onProgress }),
    restore: (from, signal, options) =>
      swapFile({
        url,
        from,
        signal,
        closeOthers: () => options?.database?.close() ?? Promise.resolve(),
        onRemark: options?.onRemark,
      }),
    refuseIfInUse: () =>
      guarded(() => {
        refuseUnlessReplaceable(url);
        refuseIfOpen(url);
      }),
    setAside: () => guarded(() => setFileAside(path)),
  };

  async function copy(
    source: DatabaseSync,
    to: string,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: OnProgress | undefined },
  ): Promise<BackupContent> {
    execute(source, "BEGIN");
    try {
      // A transaction sees the state at its first statement.
      execute(source, "SELECT 1 FROM sqlite_schema LIMIT 1");
      const began = performance.now();
      await backup(source, to, {
        rate: pagesPerStep,
        progress: ({ totalPages, remainingPages }) => {
          onProgress?.((totalPages - remainingPages) / totalPages / 2);
          stopBackupIfAsked(signal);
        },
      });
      const copyMs = performance.now() - began;
      const content = await readContent(source, {
        signal,
        onProgress: (share) => onProgress?.(0.5 + share / 2),
      });
      return { ...content, copyMs };
    } finally {
      execute(source, "COMMIT");
    }
  }

  async function withSource<T>(work: (source: DatabaseSync) => Promise<T> | T): Promise<T> {
    const source = openSource(path);
    try {
      return await work(source);
    } finally {
      source.close();
    }
  }

  async function guarded<T>(work: () => Promise<T> | T): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw copyFailure(url.display, error);
    }
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

function sizeOf(source: DatabaseSync): number {
  const row = prepare(
    source,
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  ).get() as unknown as { readonly bytes: bigint };
  return Number(row.bytes);
}
