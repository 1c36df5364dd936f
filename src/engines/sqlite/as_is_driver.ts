import { type SqliteFileUrl, sqliteFileUrl } from "../../base/url/sqlite_url.ts";
import type { SQL } from "drizzle-orm";
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HarborError, messageOf } from "../../base/errors.ts";
import type { Database, OpenOptions } from "../database.ts";
import { folderMark, refuseOtherKinds } from "./connection/database_file.ts";
import { failure } from "./connection/errors.ts";
import { namingOpeners } from "./connection/file_openers.ts";
import { type QueryJob, readingApart } from "./apart/query.ts";
import { introspectSqlite } from "./introspect.ts";
import { openLease } from "./lock/lock.ts";
import {
  busyTimeoutMs,
  execute,
  isWal,
  isWalUnused,
  openImmutable,
  prepare,
  refuseUnreadable,
  refuseViews,
  resultCode,
} from "./connection/open_file.ts";
import { compileRead, plainRow, type SqliteStatement } from "./connection/statement.ts";
import { orBusy, whenFree } from "./transaction/run.ts";
import { spaceOf } from "./watch/batch.ts";

/** How long to wait at most until it is looked again whether nobody commits, in milliseconds. */
const longestPauseMs = 2;

/**
 * Opens a SQLite file as it is: nothing in it is repaired, and no file is made beside it, not even for a moment, so
 * that it works where the folder is read-only.
 *
 * A file in WAL mode that nobody has open has no `-wal`, or an empty one, and SQLite would make what is missing to read it. It is therefore read
 * as an immutable file, which is right only while it does not change: after each statement it is looked whether it
 * did, and if so the statement is run again on a new connection.
 *
 * @throws {HarborError} `connection_failed`, `not_a_database` or `busy`; `check_failed` when the file cannot be read
 * without being repaired
 */
export function openSqliteAsIs(url: SqliteFileUrl, { client }: OpenOptions): Promise<Database> {
  return soon(() => {
    const path = resolve(url.path);
    const { use, read, usesWal, close } = openReader(path, url);

    function rowsOf<Row>({ text, values }: SqliteStatement): Row[] {
      return use((handle) => all<Row>(handle, { text, values }, url));
    }

    const refuse = (): Promise<never> =>
      Promise.reject(
        new HarborError("read_only", `Cannot write to "${url.display}": it was opened for reading`),
      );
    return {
      dialect: url.dialect,
      url: url.display,
      isInProcess: true,
      readsBlockWriters: () => !usesWal(),
      read: async <Row>(statement: SQL) => await read<Row>(compileRead(statement)),
      readApart: readingApart(path, url.display),
      write: refuse,
      rehearse: refuse,
      withLock: refuse,
      pace: refuse,
      watch: (_, work) => work(),
      space: () => soon(() => spaceOf(path)),
      // Nothing is written.
      room: () => Promise.resolve(null),
      lockHolder: openLease({
        url: url.display,
        client,
        read: <Row>(statement: SqliteStatement) => soon(() => rowsOf<Row>(statement)),
        write: refuse,
      }).lockHolder,
      introspect: (only) =>
        introspectSqlite((queries) => soon(() => use((handle) => readTogether(handle, queries))), only),
      home: () => soon(() => folderMark(path)),
      close: () => soon(close),
    };

    function readTogether(handle: DatabaseSync, queries: readonly string[]): Record<string, unknown>[][] {
      execute(handle, "BEGIN");
      try {
        return queries.map((text) => all(handle, { text, values: [] }, url));
      } finally {
        execute(handle, "COMMIT");
      }
    }
  });
}

/** Reads a file as it is, over one connection or what takes its place. */
interface Reader {
  /** Runs work on the file as it is at one moment. */
  use<T>(work: (handle: DatabaseSync) => T): T;
  read<Row>(statement: SqliteStatement): Promise<Row[]>;
  usesWal(): boolean;
  close(): void;
}

function openReader(path: string, url: SqliteFileUrl): Reader {
  let open = connect(path, url);

  function use<T>(work: (handle: DatabaseSync) => T): T {
    for (let attempt = 1;; attempt++) {
      if (open.isOutdated()) {
        open.handle.close();
        open = connect(path, url);
      }
      try {
        const result = work(open.handle);
        if (!open.isOutdated()) return result;
      } catch (error) {
        // What was read while the file changed means nothing.
        if (!open.isOutdated()) throw error;
      }
      if (attempt === 5) throw unreadable(url, "it changes faster than it can be read");
    }
  }

  return {
    use,
    /**
     * Waits without a WAL for those who commit. An application that does so every few milliseconds leaves gaps as short, and
     * SQLite, which looks after 1, 2, 5, 10, 15, … ms, misses most of them.
     */
    async read<Row>(statement: SqliteStatement): Promise<Row[]> {
      const attempt = () =>
        use((handle) => {
          const rows = () => all<Row>(handle, statement, url);
          return open.usesWal ? rows() : orBusy(handle, rows);
        });
      return (await whenFree(attempt, longestPauseMs)).result;
    },
    usesWal: () => open.usesWal,
    close: () => open.handle.close(),
  };
}

/** Runs a query in the thread that calls it. */
export async function queryHere({ path, url, text, values }: QueryJob): Promise<unknown[]> {
  const reader = openReader(path, sqliteFileUrl(path, url));
  try {
    return await reader.read({ text, values });
  } finally {
    reader.close();
  }
}

interface Connection {
  readonly handle: DatabaseSync;
  /** Whether the file had a WAL when it was opened. */
  readonly usesWal: boolean;
  /** Whether what it reads may not be what is in the file any more. */
  isOutdated(): boolean;
}

function connect(path: string, url: SqliteFileUrl): Connection {
  refuseOtherKinds(path, url.display);
  refuseUnreadable(path, url);
  const { inode, modified } = stateOf(path, url);
  const usesWal = isWal(path);
  const isQuiet = usesWal && isWalUnused(path);
  if (usesWal && !isQuiet && !existsSync(`${path}-shm`)) {
    throw unreadable(
      url,
      `"${path}-wal" holds what is perhaps not in the file yet, and nobody can read that without "${path}-shm"`,
      "If a program has the file to itself (locking_mode = EXCLUSIVE), end it.",
    );
  }
  return {
    handle: openHandle(path, url, isQuiet),
    usesWal,
    isOutdated() {
      const now = stateOf(path, url);
      if (now.inode !== inode) return true;
      return isQuiet && (now.modified !== modified || !isWalUnused(path));
    },
  };
}

function openHandle(path: string, url: SqliteFileUrl, isQuiet: boolean): DatabaseSync {
  let handle: DatabaseSync | undefined;
  try {
    handle = isQuiet
      ? openImmutable(path)
      : new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs });
    refuseViews(handle, url);
    // In kB: looking rows up in a large index takes half the time when its pages stay.
    execute(handle, "PRAGMA cache_size = -32768");
    return handle;
  } catch (error) {
    handle?.close();
    const known = asHarborError(error, url);
    // SQLite says "read-only" when a journal has to be rolled back first, which takes a writer.
    throw known.code !== "read_only" ? namingOpeners(known, path) : unreadable(
      url,
      "a program was killed while it wrote, and what it left half done is still to be rolled back",
    );
  }
}

/** Tells one state of the file from another. */
function stateOf(path: string, url: SqliteFileUrl): { readonly inode: bigint; readonly modified: string } {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return { inode: ino, modified: `${size} ${mtimeNs}` };
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === "ENOENT";
    const state = isAbsent ? `there is no file "${path}"` : `this user may not look at "${path}"`;
    throw new HarborError("connection_failed", `Cannot open "${url.display}": ${state}`, {
      hint: isAbsent
        ? "Check the path (--database-url); harbor-db upgrade makes a new database."
        : "Run as the user that owns the database.",
      cause: error,
    });
  }
}

function all<Row>(handle: DatabaseSync, { text, values }: SqliteStatement, url: SqliteFileUrl): Row[] {
  try {
    return prepare(handle, text).all(...values).map((row) => plainRow<Row>(row));
  } catch (error) {
    throw asHarborError(error, url, text);
  }
}

function asHarborError(error: unknown, url: SqliteFileUrl, statement?: string): HarborError {
  if (error instanceof HarborError) return error;
  return failure({ url: url.display, path: resolve(url.path), statement }, messageOf(error), {
    result: resultCode(error),
    cause: error,
  });
}

function unreadable(url: SqliteFileUrl, state: string, ...first: readonly string[]): HarborError {
  return new HarborError("check_failed", `Cannot check "${url.display}": ${state}`, {
    hint: [
      ...first,
      "Let the application or harbor-db status open it once, as the user that owns it; then run this again.",
    ],
  });
}

/** Runs work that is not asynchronous for a caller to whom it is. */
function soon<T>(work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
