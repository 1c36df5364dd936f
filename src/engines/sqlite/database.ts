import type { SQL } from "drizzle-orm";
import type { DatabaseSync } from "node:sqlite";
import { HarborError } from "../../base/errors.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import type { BesideTask, Piece, Staying } from "../beside.ts";
import type { Database, OpenOptions, Pace, Room, WriteMode } from "../database.ts";
import type { Space, Watcher } from "../watch/figures.ts";
import type { introspectSqlite } from "./introspect.ts";
import { type Fence, openLease } from "./lock/lock.ts";
import {
  compile,
  compileRead,
  refuseTransactionControl,
  type SqliteStatement,
} from "./connection/statement.ts";
import type { SqliteBatch, Step } from "./transaction/transaction.ts";

/** What an engine with SQLite's SQL does in its own way; {@link serveSqlite} makes a `Database` of it. */
export interface SqliteConnection {
  read<Row>(statement: SqliteStatement): Promise<Row[]>;
  /** Runs queries that see the same state, and returns the rows of each. */
  readTogether(queries: readonly string[]): Promise<readonly (readonly unknown[])[]>;
  /**
   * Runs a transaction and returns how many rows each statement changed. Tries again while it is certain that nothing
   * was committed.
   *
   * @param make Called for each attempt
   */
  transact(make: () => SqliteBatch): Promise<number[]>;
  /**
   * As {@link SqliteConnection.transact}, for the lock's own statements, which may run twice.
   * @param isUrgent Left out where it may as well fail, rather than hold up what this process does
   */
  transactOwn(make: () => SqliteBatch, isUrgent?: false): Promise<number[]>;
  /** Runs a transaction, then queries in it, whose rows it returns; and rolls back. */
  rehearse(make: () => SqliteBatch, queries: readonly string[]): Promise<readonly (readonly unknown[])[]>;
  /**
   * Runs a transaction whose statements may change `sqlite_schema`, and looks at what it made before it commits; left out
   * where that cannot be done.
   *
   * @param verify Called with a reader in the transaction, before COMMIT; what it throws rolls back
   */
  changeSchema?(make: () => SqliteBatch, verify: VerifyInside): Promise<number[]>;
  /** The file itself, where there is one, for those who change it beside writers. */
  readonly file?: ConnectedFile;
  /** Runs one statement of a batch outside any transaction and returns how many rows it changed. */
  runAlone(statement: SqliteStatement, index: number, fence: Fence | undefined): Promise<number>;
  /** Runs work for which the lock is held. */
  underLock<T>(work: () => Promise<T>): Promise<T>;
  /** Whether it is seen without asking anyone that there is nothing in the database. */
  isSeenEmpty(): boolean;
  /** See `Database.readsBlockWriters`. */
  readsBlockWriters(): boolean;
  pace(): Promise<Pace>;
  /** Tells from now on what batches do, or nobody. */
  watch(watcher: Watcher | null): void;
  /** See `Database.space`. */
  space(): Space | null;
  /** See `Database.room`. */
  room(): Room | null;
  /** See `Database.home`. */
  home(): string | null;
  close(): Promise<void>;
}

/** Reads in a transaction. */
export type ReadInside = <Row>(statement: SqliteStatement) => Row[];

/** Looks at what a transaction made, and at how many rows each statement changed. */
export type VerifyInside = (read: ReadInside, changed: readonly number[]) => void;

/** The database in which something is changed beside writers. */
export interface BesidePlace {
  /** From how many rows on a table is large. */
  readonly largeRows: number;
  /** See `Watcher.isThrowAway`: nobody writes beside. */
  readonly isThrowAway: boolean;
  readonly file: BesideFile;
  read<Row>(statement: SqliteStatement): Promise<Row[]>;
  pace(): Promise<Pace>;
  /**
   * Runs a transaction whose statements may change `sqlite_schema`. Within the lock's fence.
   *
   * @param verify Called before COMMIT; what it throws rolls back
   */
  changeSchema(
    statements: readonly SqliteStatement[],
    verify: VerifyInside,
  ): Promise<number[]>;
}

/** What is done beside writers: `beside/all.ts`, which stands above this. */
export interface BesideParts {
  /** Cuts a script into what runs beside writers and what is left of it. */
  cut(
    place: BesidePlace,
    script: { readonly earlier: readonly string[]; readonly texts: readonly string[] },
  ): Promise<readonly Piece[]>;
  /** See `BesideWriters.staying`. */
  staying(place: BesidePlace, texts: readonly string[]): readonly Staying[];
  /** See `BesideWriters.clear`. */
  clearAllBut(
    keep: readonly string[],
    file: BesideFile,
    task: Pick<BesideTask, "signal" | "doing">,
  ): Promise<void>;
}

/** A SQLite file as those see it who decide within a transaction what they do in it. */
export interface BesideFile {
  /** The address, as it may be shown. */
  readonly url: string;
  readonly handle: DatabaseSync;
  rows<Row>(statement: SqliteStatement): Row[];
  /** Returns how many rows a step changed. */
  change(step: Step): number;
  /**
   * Runs work in a transaction that has the write lock, behind the fence of harbor-db's lock. It commits when the work
   * returns, and is rolled back when it throws.
   */
  transact<T>(work: () => T): Promise<T>;
  /** See `Database.readsBlockWriters`. */
  readsBlockWriters(): boolean;
  pace(): Promise<Pace>;
  /** See `Database.room`. */
  room(): Room | null;
  /** See `Database.space`. */
  space(): Space | null;
}

/** A {@link BesideFile} for whoever has the fence of the lock. */
interface ConnectedFile extends Pick<BesideFile, "handle" | "rows" | "change"> {
  transact<T>(fence: () => Fence | undefined, work: () => T): Promise<T>;
}

/** The database that a connection leads to. */
export interface SqliteService {
  /** The address, as it may be shown. */
  readonly url: string;
  readonly options: OpenOptions;
  readonly connection: SqliteConnection;
  /** Left out where nothing is changed beside writers. */
  readonly loadBeside?: (() => Promise<BesideParts>) | undefined;
}

/** Returns the `Database` of a connection: what is the same for SQLite files and libSQL servers. */
export function serveSqlite({ url, options, connection, loadBeside }: SqliteService): Database {
  const lease = openLease({
    url,
    client: options.client,
    read: (statement) => connection.read(statement),
    write: (make, isUrgent) => connection.transactOwn(() => ({ statements: make(), mode: "rows" }), isUrgent),
  });
  let isThrowAway = false;
  return {
    dialect: "sqlite",
    url,
    readsBlockWriters: connection.readsBlockWriters,
    read: async <Row>(statement: SQL) => await connection.read<Row>(compileRead(statement)),
    write: async (batch, mode = "rows") => await write(batch.map(compile), mode),
    async rehearse(batch, mode) {
      const make = batchOf(batch.map(compile), mode);
      const rehearsal = () => ({ ...make(), isRehearsal: true });
      return await snapshotFrom((queries) => connection.rehearse(rehearsal, queries));
    },
    async withLock(work, lockOptions) {
      refuseUnlessWritable();
      return await lease.withLock(() => connection.underLock(work), lockOptions);
    },
    ...besideOf(),
    pace: connection.pace,
    async watch(watcher, work) {
      connection.watch(watcher);
      isThrowAway = watcher.isThrowAway === true;
      try {
        return await work();
      } finally {
        isThrowAway = false;
        connection.watch(null);
      }
    },
    space: () => Promise.resolve(connection.space()),
    room: () => Promise.resolve(connection.room()),
    lockHolder: lease.lockHolder,
    introspect: async (only) =>
      connection.isSeenEmpty() ? emptySnapshot : await snapshotFrom(connection.readTogether, only),
    home: () => Promise.resolve(connection.home()),
    close: connection.close,
  };

  /** What most of it would be loaded for is rare: a script that neither copies a table nor makes an index or a check is one piece. */
  function besideOf(): Pick<Database, "beside"> {
    const { changeSchema, file } = connection;
    if (changeSchema === undefined || file === undefined || loadBeside === undefined) return {};
    const place: BesidePlace = {
      largeRows: options.largeRows ?? largeRows,
      get isThrowAway() {
        return isThrowAway;
      },
      file: {
        ...file,
        url,
        readsBlockWriters: connection.readsBlockWriters,
        pace: connection.pace,
        room: connection.room,
        space: connection.space,
        transact: (work) => file.transact(lease.fence, work),
      },
      read: connection.read,
      pace: connection.pace,
      changeSchema: (statements, verify) =>
        changeSchema(() => ({ statements, mode: "rows", fence: lease.fence() }), verify),
    };
    return {
      beside: {
        async cut({ earlier = [], statements }) {
          const texts = statements.map((statement) => compile(statement).text);
          if (!texts.some((text) => /\b(?:INDEX|RENAME|DROP|CHECK|ADD\b.*\bREFERENCES)\b/is.test(text))) {
            return [{ count: texts.length, beside: null }];
          }
          const { cut } = await loadBeside();
          return await cut(place, { earlier: earlier.map((statement) => compile(statement).text), texts });
        },
        async staying(statements) {
          const { staying } = await loadBeside();
          return staying(place, statements.map((statement) => compile(statement).text));
        },
        async clear(keep, task) {
          const left = "SELECT 1 FROM sqlite_schema WHERE name GLOB 'harbor_beside*' LIMIT 1";
          if (place.file.rows({ text: left, values: [] }).length === 0) return;
          const { clearAllBut } = await loadBeside();
          await clearAllBut(keep.map((statement) => compile(statement).text), place.file, task);
        },
      },
    };
  }

  async function write(statements: readonly SqliteStatement[], mode: WriteMode): Promise<number[]> {
    if (mode !== "alone") return await connection.transact(batchOf(statements, mode));
    refuseUnlessWritable();
    const changed: number[] = [];
    for (const [index, statement] of statements.entries()) {
      changed.push(await connection.runAlone(statement, index, lease.fence()));
    }
    return changed;
  }

  /** Returns what makes the batch for an attempt: each has a fence of its own. */
  function batchOf(statements: readonly SqliteStatement[], mode: SqliteBatch["mode"]): () => SqliteBatch {
    refuseUnlessWritable();
    refuseTransactionControl(statements);
    return () => ({ statements, mode, fence: lease.fence() });
  }

  function refuseUnlessWritable(): void {
    if (options.access !== "read") return;
    throw new HarborError("read_only", `Cannot write to "${url}": it was opened for reading`);
  }
}

/** From how many rows on a transaction that reads all of them keeps writers waiting for longer than they should. */
const largeRows = 10_000;

/** What most of introspection would be loaded to find. */
const emptySnapshot: Snapshot = { dialect: "sqlite", tables: [], others: [] };

async function snapshotFrom(...setting: Parameters<typeof introspectSqlite>): Promise<Snapshot> {
  const { introspectSqlite } = await import("./introspect.ts");
  return await introspectSqlite(...setting);
}
