import type { SQL } from "drizzle-orm";
import { existsSync, readFileSync, type Stats, statSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { SqliteFileUrl } from "../core/database_url.ts";
import { HarborError } from "../core/errors.ts";
import type { Database, OpenOptions } from "./database.ts";
import { failure } from "./sqlite_failure.ts";
import { introspectSqlite } from "./sqlite_introspect.ts";
import { openLease } from "./sqlite_lease.ts";
import { busyTimeoutMs, execute, prepare, resultCode } from "./sqlite_open_file.ts";
import { compileRead, exactInteger, type SqliteStatement } from "./sqlite_statement.ts";

/**
 * Opens a SQLite file as it is: nothing in it is repaired, and no file is made beside it, not even for a moment, so
 * that it works where the folder is read-only.
 *
 * A file in WAL mode that nobody has open has no `-wal`, and SQLite would make one to read it. It is therefore read
 * as an immutable file, which is right only while it does not change: after each statement it is looked whether it
 * did, and if so the statement is run again on a new connection.
 *
 * @throws {HarborError} `connection_failed`, `not_a_database` or `busy`; `check_failed` when the file cannot be read
 * without being repaired
 */
export function openSqliteAsIs(url: SqliteFileUrl, { client }: OpenOptions): Promise<Database> {
  return soon(() => {
    const path = resolve(url.path);
    let open = connect(path, url);

    /** Runs work on the file as it is at one moment. */
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
        if (attempt === 5) throw unreadable(url, "it is replaced or changed faster than it can be read");
      }
    }

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
      read: <Row>(statement: SQL) => soon(() => rowsOf<Row>(compileRead(statement))),
      write: refuse,
      withLock: refuse,
      lockHolder: openLease({
        url: url.display,
        client,
        read: <Row>(statement: SqliteStatement) => soon(() => rowsOf<Row>(statement)),
        write: refuse,
      }).lockHolder,
      introspect: () =>
        introspectSqlite((queries) => soon(() => use((handle) => readTogether(handle, queries)))),
      close: () => soon(() => open.handle.close()),
    };

    function readTogether(handle: DatabaseSync, queries: readonly string[]): Record<string, unknown>[][] {
      attempt(url, undefined, () => execute(handle, "BEGIN"));
      try {
        return queries.map((text) => all(handle, { text, values: [] }, url));
      } finally {
        execute(handle, "COMMIT");
      }
    }
  });
}

interface Connection {
  readonly handle: DatabaseSync;
  /** Whether what it reads may not be what is in the file any more. */
  isOutdated(): boolean;
}

function connect(path: string, url: SqliteFileUrl): Connection {
  const before = statOf(path, url);
  const isQuiet = before.isWal && !existsSync(`${path}-wal`);
  if (before.isWal && !isQuiet && !existsSync(`${path}-shm`)) {
    throw unreadable(url, `"${path}-wal" holds changes that a program left behind when it was killed`);
  }
  const immutable = pathToFileURL(path);
  immutable.search = "?mode=ro&immutable=1";
  const handle = attempt(
    url,
    undefined,
    () => new DatabaseSync(isQuiet ? immutable : path, { readOnly: true, timeout: busyTimeoutMs }),
  );
  try {
    attempt(url, undefined, () => execute(handle, "SELECT 1 FROM sqlite_schema LIMIT 1"));
  } catch (error) {
    handle.close();
    // SQLITE_READONLY_ROLLBACK: a journal has to be rolled back first, which takes a writer.
    const isHot = error instanceof HarborError && error.code === "read_only";
    throw isHot
      ? unreadable(url, "a program was killed while it wrote, which is still to be rolled back")
      : error;
  }
  return {
    handle,
    isOutdated() {
      const now = statOf(path, url);
      if (now.inode !== before.inode) return true;
      return isQuiet && (existsSync(`${path}-wal`) || now.state !== before.state);
    },
  };
}

interface FileState {
  readonly inode: bigint;
  readonly state: string;
  /** Whether the header says WAL. Source: https://www.sqlite.org/fileformat.html#file_format_version_numbers */
  readonly isWal: boolean;
}
