import { type SqliteFileUrl, sqliteFileUrl } from "../../base/url/sqlite_url.ts";
import type { SQL } from "drizzle-orm";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError, messageOf } from "../../base/errors.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import type { Database, OpenOptions, WriteMode } from "../database.ts";
import { mayDangle } from "./dangling_references.ts";
import { danglingFailure, failure } from "./errors.ts";
import { type Fence, isFenceFailure, lockLost, openLease } from "./lock.ts";
import type { introspectSqlite } from "./introspect.ts";
import { isWalMode, sqlitePace } from "./pace.ts";
import { type Dependent, dependentsQuery, keepDependents, rebuiltTables } from "./table_rebuild.ts";
import { busyTimeoutMs, execute, openFile, prepare, resultCode } from "./open_file.ts";
import {
  compile,
  compileRead,
  plainRow,
  refuseTransactionControl,
  type SqliteStatement,
  verbOf,
} from "./statement.ts";

/**
 * Opens a SQLite file. An empty file is an empty database.
 *
 * SQLite runs inside this process: a statement holds up everything else in it until it ends. Waiting for another
 * program's transaction does not.
 *
 * @throws {HarborError} `connection_failed`, `not_a_database`, `read_only` or `busy`
 */
export function openSqliteFile(url: SqliteFileUrl, options: OpenOptions): Promise<Database> {
  return soon(() => serve(openFile(url, options.access), url, options));
}

/** Opens a new database in memory, which is gone when it is closed. */
export function openSqliteMemory(options: OpenOptions): Promise<Database> {
  const url = sqliteFileUrl(":memory:", "sqlite://");
  return soon(() => serve(new DatabaseSync(url.path), url, options));
}

function serve(handle: DatabaseSync, url: SqliteFileUrl, { access, client }: OpenOptions): Database {
  const lease = openLease({
    url: url.display,
    client,
    read: <Row>(statement: SqliteStatement) => soon(() => rowsOf<Row>(statement)),
    write: (make) => whenFree(() => transact({ statements: make(), mode: "rows", fence: undefined })),
  });
  let isOpen = true;
  let lastBatch = { heldMs: 0, waitedMs: 0 };
  return {
    dialect: url.dialect,
    url: url.display,
    read: <Row>(statement: SQL) => soon(() => rowsOf<Row>(compileRead(statement))),
    write: (batch, mode = "rows") => soon(() => write(batch.map(compile), mode)),
    rehearse: (batch, mode) => soon(() => rehearse(batch.map(compile), mode)),
    withLock(work, lockOptions) {
      return access === "read" ? soon(refuseWrite) : lease.withLock(() => synced(work), lockOptions);
    },
    pace: () => soon(() => sqlitePace(handle, () => lastBatch)),
    lockHolder: lease.lockHolder,
    introspect: () =>
      soon(() => isEmpty() ? emptySnapshot : snapshotFrom((queries) => soon(() => readTogether(queries)))),
    close: () =>
      soon(() => {
        if (isOpen) handle.close();
        isOpen = false;
      }),
  };

  function rowsOf<Row>({ text, values }: SqliteStatement): Row[] {
    return attempt(
      text,
      undefined,
      () => prepare(handle, text).all(...values).map((row) => plainRow<Row>(row)),
    );
  }

  /** Runs queries that see the same state. */
  function readTogether(queries: readonly string[]): Record<string, unknown>[][] {
    attempt(undefined, undefined, () => execute(handle, "BEGIN"));
    try {
      return readEach(queries);
    } finally {
      execute(handle, "COMMIT");
    }
  }

  function readEach(queries: readonly string[]): Record<string, unknown>[][] {
    return queries.map((text) => rowsOf({ text, values: [] }));
  }

  function rehearse(statements: readonly SqliteStatement[], mode: WriteMode): Promise<Snapshot> {
    if (access === "read") refuseWrite();
    refuseTransactionControl(statements);
    return snapshotFrom(async (queries) => {
      let answers: Record<string, unknown>[][] = [];
      const look = () => answers = readEach(queries);
      await whenFree(() => transact({ statements, mode, fence: lease.fence(), look }));
      return answers;
    });
  }

  function write(statements: readonly SqliteStatement[], mode: WriteMode): Promise<number[]> | number[] {
    if (access === "read") refuseWrite();
    if (mode === "alone") return statements.map(runAlone);
    refuseTransactionControl(statements);
    return whenFree(() => transact({ statements, mode, fence: lease.fence() }));
  }

  function refuseWrite(): never {
    throw new HarborError("read_only", `Cannot write to "${url.display}": it was opened for reading`);
  }

  function runAlone(statement: SqliteStatement, index: number): number {
    const fence = lease.fence();
    if (fence !== undefined) pass(fence.first);
    return change(statement, index);
  }

  /**
   * Calls `work` until it finds the database's write lock free. SQLite's own waiting would hold up this whole
   * process, its heartbeat and its answer to Ctrl-C included.
   */
  async function whenFree<T>(work: () => T): Promise<T> {
    const asked = performance.now();
    const deadline = Date.now() + busyTimeoutMs;
    for (let pauseMs = 2;; pauseMs = Math.min(pauseMs * 1.5, 20)) {
      const began = performance.now();
      try {
        const result = work();
        lastBatch = { heldMs: performance.now() - began, waitedMs: began - asked };
        return result;
      } catch (error) {
        const isBusy = error instanceof HarborError && error.code === "busy" &&
          error.details["begun"] === false;
        if (!isBusy || Date.now() >= deadline) throw error;
      }
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }

  /**
   * Runs work whose commits wait less for the disk. In WAL mode they keep their order, and the write that frees the lock
   * afterwards waits for all of them. Without a WAL, `NORMAL` could cost a database on an old file system that loses
   * power at the wrong moment: one that was empty has nothing to lose.
   *
   * Source: https://www.sqlite.org/pragma.html#pragma_synchronous
   */
  async function synced<T>(work: () => Promise<T>): Promise<T> {
    if (!isWalMode(handle) && !isEmpty()) return await work();
    execute(handle, "PRAGMA synchronous = NORMAL");
    try {
      return await work();
    } finally {
      // A restore closes the database under the lock, to put another file in its place.
      if (isOpen) execute(handle, "PRAGMA synchronous = FULL");
    }
  }

  function isEmpty(): boolean {
    return rowsOf({
      text: "SELECT 1 FROM sqlite_schema WHERE name <> 'harbor_lock' LIMIT 1",
      values: [],
    }).length === 0;
  }

  function transact({ statements, mode, fence, look }: Transaction): number[] {
    const isSchema = mode !== "rows";
    // Inside a transaction SQLite ignores it, so it goes before BEGIN.
    if (isSchema) execute(handle, "PRAGMA foreign_keys = OFF");
    try {
      begin();
      try {
        if (fence !== undefined) pass(fence.first);
        const isChecked = mode === "schema" && mayDangle(statements);
        const before = isChecked ? dangling() : [];
        const changed = isSchema ? changeSchema(statements) : statements.map(change);
        if (isChecked) refuseMoreDangling(before, dangling());
        if (look !== undefined) {
          look();
          rollback();
          return changed;
        }
        if (fence !== undefined) pass(fence.last);
        attempt(undefined, undefined, () => execute(handle, "COMMIT"));
        fence?.passed();
        return changed;
      } catch (error) {
        rollback();
        throw error;
      }
    } finally {
      if (isSchema) execute(handle, "PRAGMA foreign_keys = ON");
    }
  }

  function begin(): void {
    execute(handle, "PRAGMA busy_timeout = 0");
    try {
      attempt(undefined, undefined, () => execute(handle, "BEGIN IMMEDIATE"));
    } catch (error) {
      throw error instanceof HarborError && error.code === "busy" ? notBegun(error) : error;
    } finally {
      execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
    }
  }

  function rollback(): void {
    try {
      execute(handle, "ROLLBACK");
    } catch {
      // After some errors (a full disk) SQLite has rolled back by itself, and there is nothing left to roll back.
    }
  }

  function change({ text, values }: SqliteStatement, index: number | undefined): number {
    const { changes } = attempt(text, index, () => prepare(handle, text).run(...values));
    return changesRows(text) ? Number(changes) : 0;
  }

  /** Runs a schema batch; what it rebuilds keeps its views and triggers. */
  function changeSchema(statements: readonly SqliteStatement[]): number[] {
    const dependents = rebuiltTables(statements).length === 0 ? [] : rowsOf<Dependent>(dependentsQuery);
    return keepDependents(statements, dependents).flatMap(({ index, ...statement }) => {
      const changed = change(statement, index ?? undefined);
      return index === null ? [] : [changed];
    });
  }

  function pass({ text, values }: SqliteStatement): void {
    try {
      prepare(handle, text).run(...values);
    } catch (error) {
      throw isFenceFailure(messageOf(error)) ? lockLost(url.display) : wrap(error);
    }
  }

  function dangling(): readonly Dangling[] {
    return rowsOf({
      text: 'SELECT "table" AS child, parent, count(*) AS count FROM pragma_foreign_key_check GROUP BY 1, 2',
      values: [],
    });
  }

  function refuseMoreDangling(before: readonly Dangling[], after: readonly Dangling[]): void {
    if (total(after) <= total(before)) return;
    const references = after.map((each) => `${each.child} to ${each.parent}: ${each.count}`).join(", ");
    throw danglingFailure(url.display, references);
  }

  function attempt<T>(statement: string | undefined, index: number | undefined, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw error instanceof HarborError ? error : wrap(error, statement, index);
    }
  }

  function wrap(error: unknown, statement?: string, index?: number): HarborError {
    return failure({ url: url.display, statement, index }, messageOf(error), {
      result: resultCode(error),
      cause: error,
    });
  }
}

/** What most of introspection would be loaded to find. */
const emptySnapshot: Snapshot = { dialect: "sqlite", tables: [], others: [] };

interface Transaction {
  readonly statements: readonly SqliteStatement[];
  readonly mode: WriteMode;
  readonly fence: Fence | undefined;
  /** When given, it is called at the end, and nothing is committed. */
  readonly look?: () => void;
}

/** How many rows of one table refer to nothing in another. */
interface Dangling {
  readonly child: string;
  readonly parent: string;
  readonly count: number;
}

function total(list: readonly Dangling[]): number {
  return list.reduce((sum, { count }) => sum + count, 0);
}

/** Marks that nothing has happened yet, so that the whole batch can be tried again. */
function notBegun(error: HarborError): HarborError {
  const { code, message, hint, cause } = error;
  return new HarborError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    details: { begun: false },
    cause,
  });
}

/** Whether a statement has a number of changed rows: after any other the engine still tells the last one's. */
function changesRows(text: string): boolean {
  const verb = verbOf(text);
  return /^(INSERT|UPDATE|DELETE|REPLACE)$/.test(verb) ||
    (verb === "WITH" && /\b(INSERT|UPDATE|DELETE|REPLACE)\b/i.test(text));
}

/** Runs work that is not asynchronous for a caller to whom it is. */
function soon<T>(work: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

async function snapshotFrom(read: Parameters<typeof introspectSqlite>[0]): Promise<Snapshot> {
  const { introspectSqlite } = await import("./introspect.ts");
  return await introspectSqlite(read);
}
