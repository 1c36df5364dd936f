import { type SqliteFileUrl, sqliteFileUrl } from "../../base/url/sqlite_url.ts";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../base/errors.ts";
import type { Database, OpenOptions } from "../database.ts";
import { hurry, pauseFor } from "../pace.ts";
import type { WatchedBatch, Watcher } from "../watch/figures.ts";
import { type FileJob, isLarge, runApart } from "./apart/large_file.ts";
import { withTexts } from "./rebuild/copied_names.ts";
import { folderMark } from "./connection/database_file.ts";
import { type BesideParts, serveSqlite, type SqliteConnection } from "./database.ts";
import {
  busyTimeoutMs,
  execute,
  mostMappedBytes,
  openFile,
  prepare,
  resultCode,
} from "./connection/open_file.ts";
import type { FailurePlace } from "./connection/errors.ts";
import type { Fence } from "./lock/lock.ts";
import { isWalMode, type SqliteBatchTimes, sqlitePace } from "./pace.ts";
import { inLineMs } from "./processor.ts";
import { plainRow, type SqliteStatement, verbOf } from "./connection/statement.ts";
import { roomOf } from "./watch/room.ts";
import { type BatchWatch, spaceOf, watchBatch } from "./watch/batch.ts";
import {
  begin,
  ofBatch,
  own,
  type SqliteBatch,
  type Step,
  stepFailure,
  transactionOf,
} from "./transaction/transaction.ts";

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
  return soon(() => serve(openFile(url, options.access), { ...url, loadBeside }, options));
}

/** Opens a new database in memory, which is gone when it is closed. */
export function openSqliteMemory(options: OpenOptions): Promise<Database> {
  return soon(() => serve(new DatabaseSync(":memory:"), { display: "sqlite://", path: null }, options));
}

interface Place {
  readonly display: string;
  /** `null` in memory. */
  readonly path: string | null;
  readonly loadBeside?: (() => Promise<BesideParts>) | undefined;
}

function serve(handle: DatabaseSync, place: Place, options: OpenOptions): Database {
  const { display, loadBeside } = place;
  const connection = connect(openStatements(handle, { url: display, path: place.path }), place);
  return { ...serveSqlite({ url: display, options, connection, loadBeside }), isInProcess: true };
}

/** Runs statements on an open file, one by one. */
interface Statements {
  readonly handle: DatabaseSync;
  rows<Row>(statement: SqliteStatement): Row[];
  /** Returns how many rows a step changed. */
  change(step: Step): number;
}

function openStatements(handle: DatabaseSync, place: Pick<FailurePlace, "url" | "path">): Statements {
  function attempt<T>(step: Step, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof HarborError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw stepFailure(place, step, { message, result: resultCode(error), cause: error });
    }
  }
  return {
    handle,
    rows: <Row>({ text, values }: SqliteStatement) =>
      attempt(
        { text, values, index: null },
        () => prepare(handle, text).all(...values).map((row) => plainRow<Row>(row)),
      ),
    change: (step) =>
      attempt(step, () => {
        const changes = runStep(handle, step);
        return changesRows(step.text) ? changes : 0;
      }),
  };
}

/** Runs a step as it is written; a copy of no rows whose names are no columns (see {@link withTexts}), with texts for them. */
function runStep(handle: DatabaseSync, { text, values, index }: Step): number {
  try {
    return Number(prepare(handle, text).run(...values).changes);
  } catch (error) {
    const copy = typeof index === "number" && handle.isTransaction && error instanceof Error
      ? withTexts(text, error.message)
      : null;
    if (copy === null || prepare(handle, copy).run().changes > 0) throw error;
    return 0;
  }
}

/** For how long nothing may be heard of signals, in milliseconds. */
const unheardMs = 20;

/** A batch that a thread writes, over a connection of its own. */
export interface WriteJob extends FileJob, Pick<SqliteBatch, "statements" | "mode"> {
  readonly verb: "write";
  readonly url: string;
  readonly fence: Pick<Fence, "first" | "last"> | undefined;
  /** See `watchBatch`; `null` where nobody watches. */
  readonly commitMs: number | null;
  readonly isThrowAway: boolean;
}

/** What came of a {@link WriteJob}. */
export interface Written {
  /** How many rows each statement changed. */
  readonly changed: number[];
  /** `null` where nobody watches. */
  readonly watched: WatchedBatch | null;
}

/** Writes a batch in the thread that calls it. */
export async function writeHere(
  { path, url, fence, commitMs, isThrowAway, ...batch }: WriteJob,
): Promise<Written> {
  const statements = openStatements(openFile(sqliteFileUrl(path, url), "write"), { url, path });
  if (isThrowAway) takeNoCare(statements.handle);
  // Whose the lock is knows what has passed.
  const passive = fence &&
    { ...fence, passed: () => {}, settle: () => Promise.resolve("committed" as const) };
  let begun = 0;
  let watch: BatchWatch | undefined;
  try {
    const { result: changed } = await whenFree(() => {
      watch = commitMs === null ? undefined : watchBatch(statements.handle, path, commitMs);
      return runTransaction(statements, { ...batch, fence: passive }, (ran) => {
        begun = ran.begun;
        watch?.beforeCommit();
        return commit(ran);
      });
    });
    return { changed, watched: watch?.end(performance.now() - begun) ?? null };
  } finally {
    statements.handle.close();
  }
}

function connect(statements: Statements, { display, path }: Place): SqliteConnection {
  const { handle } = statements;
  let isOpen = true;
  let lastBatch: SqliteBatchTimes = { heldMs: 0, inLineMs: 0, rowsMs: 0, waitedMs: 0 };
  let watcher: Watcher | null = null;
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
        if (watch !== undefined) watcher?.onBatch(watch.end(performance.now() - began));
        return changed;
      }),
    underLock: (work) => watcher?.isThrowAway ? work() : synced(statements, () => isOpen, work),
    isSeenEmpty: () => isEmpty(statements),
    pace: () =>
      soon(() => ({
        ...sqlitePace(statements, () => lastBatch),
        ...watcher?.isThrowAway ? hurry : {},
        pause: (ms, signal) => pauseFor(ms, signal, watcher),
      })),
    watch: (next) => {
      if (next?.isThrowAway) takeNoCare(handle);
      else if (watcher?.isThrowAway) execute(handle, "PRAGMA synchronous = FULL");
      watcher = next;
      slowestCommitMs = 0;
    },
    space: () => path === null ? null : spaceOf(path),
    room: () => path === null ? null : roomOf(handle, path),
    home: () => path === null ? null : folderMark(path),
    close: () =>
      soon(() => {
        if (isOpen) handle.close();
        isOpen = false;
      }),
  };
}

/**
 * Waits for no disk, and keeps some in memory of what a large transaction would write to the log again and again. What is not
 * in the log is read where the system has it; that ends the process where it cannot be read, but it was just written.
 */
function takeNoCare(handle: DatabaseSync): void {
  execute(handle, "PRAGMA synchronous = OFF");
  execute(handle, `PRAGMA mmap_size = ${mostMappedBytes}`);
  // In kB. What SQLite sorts by takes as much again, and so does a thread that writes.
  execute(handle, "PRAGMA cache_size = -8192");
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

/** Another program holds the write lock, so that nothing has begun. */
class Busy {
  constructor(readonly error: HarborError) {}
}

/**
 * Repeats what {@link Busy} prevents. SQLite's own waiting would hold up this process, heartbeat and Ctrl-C included.
 *
 * @returns Also how long the others were in the way: what a busy machine adds to a pause is not their doing
 */
async function whenFree<T>(
  attempt: () => T | Busy,
): Promise<{ readonly result: T; readonly waitedMs: number }> {
  const deadline = Date.now() + busyTimeoutMs;
  let waitedMs = 0;
  for (let pauseMs = 2;; pauseMs = Math.min(pauseMs * 1.5, 20)) {
    const result = attempt();
    if (!(result instanceof Busy)) return { result, waitedMs };
    if (Date.now() >= deadline) throw result.error;
    await sleep(pauseMs * (0.5 + Math.random()));
    waitedMs += pauseMs;
  }
}

/** How it went with the steps of a transaction. */
interface Ran {
  /** When it had the write lock. */
  readonly begun: number;
  /** How long the steps took. */
  readonly ms: number;
}

/** What is done in a transaction when its steps have run. Unless it commits, all of it is rolled back. */
type Finish<T> = (
  ran: Ran & {
    readonly statements: Statements;
    readonly batch: SqliteBatch;
    readonly closing: readonly Step[];
    /** How many rows each statement of the batch changed. */
    readonly changed: number[];
  },
) => T;

function runTransaction<T>(statements: Statements, batch: SqliteBatch, finish: Finish<T>): T | Busy {
  const { before, after, questions, steps: stepsFor, closing } = transactionOf(batch);
  statements.change(before);
  try {
    const busy = tryBegin(statements);
    if (busy !== undefined) return busy;
    const begun = performance.now();
    try {
      const steps = stepsFor(questions.map((question) => statements.rows(question)));
      const began = performance.now();
      const changed = ofBatch(steps, steps.map((step) => statements.change(step)));
      return finish({ statements, batch, closing, changed, begun, ms: performance.now() - began });
    } finally {
      rollback(statements);
    }
  } finally {
    statements.change(after);
  }
}

/**
 * Runs work that decides what it does by what it reads, in a transaction behind the fence.
 *
 * @param work Is told when the write lock was had
 */
function runWork<T>(
  statements: Statements,
  fence: Fence | undefined,
  work: (begun: number) => T,
): T | Busy {
  // What is copied refers to what the rows refer to that it is a copy of.
  execute(statements.handle, "PRAGMA foreign_keys = OFF");
  try {
    const busy = tryBegin(statements);
    if (busy !== undefined) return busy;
    const begun = performance.now();
    if (fence) statements.change(fence.first);
    const result = work(begun);
    if (fence) statements.change(fence.last);
    statements.change(own("COMMIT"));
    fence?.passed();
    return result;
  } finally {
    rollback(statements);
    execute(statements.handle, "PRAGMA foreign_keys = ON");
  }
}

function commit({ statements, batch, closing, changed }: Parameters<Finish<unknown>>[0]): number[] {
  for (const step of [...closing, own("COMMIT")]) statements.change(step);
  batch.fence?.passed();
  return changed;
}

/**
 * Commits unless readers are in the way for longer than this process may be held up: SQLite waits without letting
 * anything else run, and one of the readers may be a copy that this process makes.
 */
function commitSoon(ran: Parameters<Finish<unknown>>[0]): number[] {
  const { handle } = ran.statements;
  execute(handle, `PRAGMA busy_timeout = ${soonMs}`);
  try {
    return commit(ran);
  } finally {
    execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

const soonMs = 100;

function tryBegin({ handle, change }: Statements): Busy | undefined {
  execute(handle, "PRAGMA busy_timeout = 0");
  try {
    change(begin);
    return undefined;
  } catch (error) {
    if (error instanceof HarborError && error.code === "busy") return new Busy(error);
    throw error;
  } finally {
    execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

/** After some errors (a full disk) SQLite has rolled back by itself, and after COMMIT there is nothing to roll back. */
function rollback({ handle }: Statements): void {
  if (handle.isTransaction) execute(handle, "ROLLBACK");
}

function readTogether({ change, rows }: Statements, queries: readonly string[]): readonly unknown[][] {
  change(own("BEGIN"));
  try {
    return queries.map((text) => rows(own(text)));
  } finally {
    change(own("COMMIT"));
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

/** Whether a statement has a number of changed rows: after any other the engine still tells the last one's. */
function changesRows(text: string): boolean {
  const verb = verbOf(text);
  return /^(INSERT|UPDATE|DELETE|REPLACE)$/.test(verb) ||
    (verb === "WITH" && /\b(INSERT|UPDATE|DELETE|REPLACE)\b/i.test(text));
}

/** Runs work that is not asynchronous for a caller to whom it is. */
function soon<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
