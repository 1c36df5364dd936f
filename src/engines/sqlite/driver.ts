import { type SqliteFileUrl } from "../../base/url/sqlite_url.ts";
import { HarborError } from "../../base/errors.ts";
import { unheardMs } from "../../base/interrupt.ts";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { BatchPace, Database, OpenOptions } from "../database.ts";
import { hurry, pauseFor } from "../pace.ts";
import type { Watcher } from "../watch/figures.ts";
import { isLarge, runApart } from "./apart/large_file.ts";
import { readingApart } from "./apart/query.ts";
import { namingOpeners } from "./connection/file_openers.ts";
import { folderMark } from "./connection/database_file.ts";
import { execute, isWalMode, openFile } from "./connection/open_file.ts";
import { own, type SqliteStatement, verbOf } from "./connection/statement.ts";
import { type BesideParts, serveSqlite, type SqliteConnection } from "./database.ts";
import { type SqliteBatchTimes, sqlitePace } from "./pace.ts";
import { inLineMs } from "./processor.ts";
import {
  type Busy,
  commit,
  commitSoon,
  type Finish,
  type Ran,
  runTransaction,
  runWork,
  whenFree,
} from "./transaction/run.ts";
import { openStatements, readTogether, type Statements } from "./transaction/statements.ts";
import { type SqliteBatch } from "./transaction/transaction.ts";
import { type BatchWatch, spaceOf, watchBatch } from "./watch/batch.ts";
import { roomOf } from "./watch/room.ts";
import { catchUp, takeNoCare } from "./watch/no_care.ts";
import type { WriteJob, Written } from "./write_here.ts";

/**
 * Opens a SQLite file. An empty file is an empty database.
 *
 * SQLite runs inside this process: a statement holds up everything else in its thread until it ends. Waiting for another
 * program's transaction does not.
 *
 * @param loadBeside Loads what `Database.beside` does
 * @throws {HarborError} `connection_failed`, `not_a_database`, `read_only` or `busy`
 */
export function openSqliteFile(
  url: SqliteFileUrl,
  options: OpenOptions,
  loadBeside?: () => Promise<BesideParts>,
): Promise<Database> {
  return soon(() =>
    serve(openFile(url, options.access), { ...url, loadBeside, pace: options.pace }, options)
  );
}

/** A database in memory, which is gone when it is closed. */
export interface SqliteMemory extends Database {
  /** Returns what a file of it would hold. */
  bytes(): Uint8Array;
}

/** Opens a database in memory: an empty one, or what the bytes of another one hold. */
export function openSqliteMemory(
  options: OpenOptions,
  bytes: Uint8Array | null = null,
): Promise<SqliteMemory> {
  return soon(() => {
    const handle = new DatabaseSync(":memory:");
    // Without a page it has none to give.
    if (bytes !== null && bytes.length > 0) handle.deserialize(bytes);
    return {
      ...serve(handle, { display: "sqlite://", path: null }, options),
      bytes: () => handle.serialize(),
    };
  });
}

interface Place {
  readonly display: string;
  /** `null` in memory. */
  readonly path: string | null;
  readonly loadBeside?: (() => Promise<BesideParts>) | undefined;
  /** In the place of the file's own. */
  readonly pace?: BatchPace | undefined;
}

function serve(handle: DatabaseSync, place: Place, options: OpenOptions): Database {
  const { display, loadBeside } = place;
  const connection = connect(openStatements(handle, { url: display, path: place.path }), place);
  return {
    ...serveSqlite({ url: display, options, connection, loadBeside }),
    isInProcess: true,
    ...place.path === null ? {} : { readApart: readingApart(place.path, display) },
  };
}

function connect(statements: Statements, { display, path, pace }: Place): SqliteConnection {
  const { handle } = statements;
  let isOpen = true;
  let lastBatch: SqliteBatchTimes = { heldMs: 0, inLineMs: 0, rowsMs: 0, waitedMs: 0 };
  let watcher: Watcher | null = null;
  /** Set while no care is taken. */
  let takeCare: (() => void) | undefined;
  /** Whether the disk may not have all that was written. */
  let isBehind = false;
  /** Of the lock's own commits while somebody watches, the slowest: next to nothing is in them but what the disk takes. */
  let slowestCommitMs = 0;

  function transact<T>(make: () => SqliteBatch, finish: Finish<T>, watchedBy = watcher): Promise<T> {
    return timed((onRan) =>
      runTransaction(statements, make(), (ran) => {
        onRan(ran);
        return finish(ran);
      }), watchedBy);
  }

  /**
   * Runs a transaction when the write lock is free, and notes down how long that took.
   *
   * @param attempt Tells before it commits since when it has the lock, and how long its own statements took
   */
  async function timed<T>(
    attempt: (onRan: (ran: Ran) => void) => T | Busy,
    watchedBy = watcher,
  ): Promise<T> {
    let inLineBefore = 0;
    let ran: Ran = { begun: 0, ms: 0 };
    let watch: BatchWatch | undefined;
    const { result, waitedMs } = await whenFree(() => {
      watch = watchedBy === null ? undefined : watchBatch(handle, path, slowestCommitMs);
      inLineBefore = inLineMs();
      return attempt((each) => {
        ran = each;
        watch?.beforeCommit();
      });
    }).catch((error) => {
      throw path !== null && error instanceof HarborError ? namingOpeners(error, path) : error;
    });
    const heldMs = performance.now() - ran.begun;
    const inLine = Math.min(heldMs, inLineMs() - inLineBefore);
    lastBatch = { heldMs, inLineMs: inLine, rowsMs: ran.ms, waitedMs };
    if (watch !== undefined) watchedBy?.onBatch(watch.end(heldMs));
    return result;
  }

  /** Writes a batch; one that changes a schema may take long in one piece. */
  async function write(make: () => SqliteBatch): Promise<number[]> {
    if (path === null || !isLarge(path)) return await transact(make, commit);
    const { statements, mode, fence } = make();
    if (mode !== "schema") return await transact(make, commit);
    const ends = fence && { first: fence.first, last: fence.last };
    const commitMs = watcher === null ? null : slowestCommitMs;
    const isThrowAway = watcher?.isThrowAway === true;
    const job: WriteJob = {
      verb: "write",
      path,
      url: display,
      statements,
      mode,
      fence: ends,
      commitMs,
      isThrowAway,
    };
    const { changed, watched } = await runApart<Written>(job);
    fence?.passed();
    if (watched !== null) watcher?.onBatch(watched);
    return changed;
  }

  /** After a statement that took long, signals and timers have their turn. */
  async function read<Row>(statement: SqliteStatement): Promise<Row[]> {
    const began = performance.now();
    const rows = statements.rows<Row>(statement);
    if (performance.now() - began > unheardMs) await sleep(1);
    return rows;
  }

  return {
    read,
    readTogether: (queries) => soon(() => readTogether(statements, queries)),
    transact: write,
    async transactOwn(make, isUrgent) {
      const changed = await transact(make, isUrgent === false ? commitSoon : commit, null);
      slowestCommitMs = Math.max(slowestCommitMs, lastBatch.heldMs);
      return changed;
    },
    rehearse: (make, queries) =>
      transact(make, () => queries.map((text) => statements.rows(own(text))), null),
    changeSchema: (make, verify) =>
      // SQLite lets nobody write its own table by accident.
      undefended(handle, () =>
        transact(make, (ran) => {
          verify((statement) => ran.statements.rows(statement), ran.changed);
          return commit(ran);
        })),
    file: {
      ...statements,
      transact: (fence, work) =>
        timed((onRan) =>
          runWork(statements, fence(), (begun) => {
            const began = performance.now();
            const result = work();
            onRan({ begun, ms: performance.now() - began });
            return result;
          })
        ),
    },
    runAlone: (statement, index, fence) =>
      soon(() => {
        if (fence !== undefined) statements.change(fence.first);
        const watch = watcher === null ? undefined : watchBatch(handle, path, slowestCommitMs);
        const began = performance.now();
        const changed = statements.change({ ...statement, index });
        // What a script sets is for no transaction of ours.
        if (verbOf(statement.text) === "PRAGMA") execute(handle, "PRAGMA foreign_keys = ON");
        if (watch !== undefined) watcher?.onBatch(watch.end(performance.now() - began));
        return changed;
      }),
    underLock: (work) => watcher?.isThrowAway ? work() : synced(statements, () => isOpen, work),
    isSeenEmpty: () => isEmpty(statements),
    // Without a WAL, nobody can commit while somebody reads.
    readsBlockWriters: () => path !== null && !isWalMode(handle),
    pace: () =>
      soon(() => ({
        ...sqlitePace(statements, () => lastBatch),
        ...pace,
        ...watcher?.isThrowAway ? hurry : {},
        pause: (ms, signal) => pauseFor(ms, signal, watcher),
      })),
    watch: (next) => {
      takeCare?.();
      takeCare = undefined;
      if (next?.isThrowAway) {
        takeCare = takeNoCare(handle);
        isBehind = true;
      } else if (next !== null && isBehind && path !== null) {
        catchUp(handle, path);
        isBehind = false;
      }
      watcher = next;
      slowestCommitMs = 0;
    },
    space: () => path === null ? null : spaceOf(path),
    room: () => path === null ? null : roomOf(handle, path),
    home: () => path === null ? null : folderMark(path),
    close: () =>
      soon(() => {
        // What is thrown away next needs not be on the disk: to close it would put all of it there.
        try {
          if (isOpen && isBehind) execute(handle, "PRAGMA synchronous = OFF");
        } catch {
          // In a transaction, or where the schema cannot be read, it takes longer.
        }
        if (isOpen) handle.close();
        isOpen = false;
      }),
  };
}

async function undefended<T>(handle: DatabaseSync, work: () => Promise<T>): Promise<T> {
  handle.enableDefensive(false);
  try {
    return await work();
  } finally {
    // What was rolled back may stand in this connection's memory still.
    execute(handle, "PRAGMA writable_schema = RESET");
    handle.enableDefensive(true);
  }
}

/**
 * Runs work whose commits wait less for the disk. In WAL mode they keep their order, and the write that frees the lock
 * afterwards waits for all of them. Without a WAL, `NORMAL` could cost a database on an old file system that loses
 * power at the wrong moment: one that was empty has nothing to lose.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_synchronous
 */
async function synced<T>(
  statements: Statements,
  isOpen: () => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const { handle } = statements;
  if (!isWalMode(handle) && !isEmpty(statements)) return await work();
  execute(handle, "PRAGMA synchronous = NORMAL");
  try {
    return await work();
  } finally {
    // A restore closes the database under the lock, to put another file in its place.
    if (isOpen()) execute(handle, "PRAGMA synchronous = FULL");
  }
}

function isEmpty({ rows }: Statements): boolean {
  return rows(own("SELECT 1 FROM sqlite_schema WHERE name <> 'harbor_lock' LIMIT 1")).length === 0;
}

/** Runs work that is not asynchronous for a caller to whom it is. */
function soon<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
