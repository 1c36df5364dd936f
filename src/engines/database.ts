import type { Dialect } from "../base/dialect.ts";
import type { SQL } from "drizzle-orm";
import type { BesideWriters, ChangeNotes } from "./beside.ts";
import type { Load } from "./pace.ts";
import type { Space, Watcher } from "./watch/figures.ts";
import type { Snapshot } from "../schema/snapshot.ts";

/**
 * How a batch runs.
 * - `rows`: one transaction, constraints on.
 * - `schema`: one transaction in which a table may be rebuilt without cascading to the rows that refer to it; it
 *   does not commit when it would leave more dangling references than there were before.
 * - `replace`: as `schema`, for content that takes the place of all there is: its references are what they are.
 * - `alone`: one by one, each outside any transaction (`CREATE INDEX CONCURRENTLY`).
 */
export type WriteMode = "rows" | "schema" | "replace" | "alone";

/** Who holds harbor-db's lock. */
export interface LockHolder {
  /** For people: `pid 4711 on web1`. */
  readonly owner: string;
  /** When it was taken, ISO 8601 UTC; `null` where the engine does not tell. */
  readonly since: string | null;
}

/** How long {@link Database.withLock} waits, and what it does meanwhile. */
export interface LockOptions {
  /** Milliseconds to wait for another holder before giving up with `locked`; 0 tries once. */
  readonly waitMs?: number;
  /** Aborted when the user asks to stop: the wait ends with `interrupted`. */
  readonly signal?: AbortSignal;
  /** Called once, when another holder makes it wait. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
}

/** What batches keep to when nobody says otherwise. */
export interface BatchPace {
  /** For how long a batch should keep its locks, in milliseconds. */
  readonly batchMs: number;
  /** How long to pause after it, as a multiple of its time. */
  readonly rest: number;
}

/** How changes that come in many small batches leave room for everybody else. */
export interface Pace extends BatchPace {
  /** Clears away what batches pile up, and returns how the database bore the last one. For the pauses. */
  relax(): Promise<Load>;
  /** Waits between two batches; a request to stop ends that. While somebody watches who only counts pauses, it is over at once. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * The waist of harbor-db: all that the rooms know of a database. Each engine has a folder beside this file;
 * nothing above asks which one it has.
 *
 * Every method throws a `HarborError` with a code of the engine-independent kind: `connection_failed`,
 * `not_a_database`, `read_only`, `disk_full`, `busy`, `missing_table`, `dangling_reference`, `lock_lost`, `locked` or
 * `statement_failed` (whose `details` hold `statement`, its text, and `index`, its place in the batch; and on
 * PostgreSQL `sqlState`).
 */
export interface Database {
  readonly dialect: Dialect;
  /** The address without its password, as it may be shown. */
  readonly url: string;
  /** The schema in which tables are made that name none; left out where an engine has no schemas. */
  readonly schema?: string;
  /** The schemas beside it that the history names, and that it looks at, too. */
  readonly schemas?: readonly string[];
  /** Whether rows are read in this process, so that nothing has to come over a wire; left out where it does. */
  readonly isInProcess?: true;
  /** Whether who writes waits for each read to end, as with a SQLite file without a WAL. */
  readsBlockWriters(): boolean;
  /** Runs one statement that changes nothing and returns its rows as plain objects. */
  read<Row>(statement: SQL): Promise<Row[]>;
  /**
   * The same for one of which nobody knows how long it takes, and which nothing is left of when it is given up: the wait ends with
   * `interrupted` when the signal is aborted. Left out where a server ends statements by itself.
   */
  readonly readApart?: <Row>(statement: SQL, limits: ReadLimits) => Promise<Row[]>;
  /**
   * Runs a fixed list of statements, all or nothing except in mode `alone`; `mode` defaults to `rows`.
   *
   * Inside {@link withLock} the batch commits only while this database still holds the lock: otherwise it is
   * rolled back with `lock_lost`.
   *
   * @returns How many rows each statement changed; 0 for DDL
   */
  write(batch: readonly SQL[], mode?: WriteMode): Promise<number[]>;
  /**
   * Runs a batch as {@link write} would, on the real rows with all its locks, then rolls it back.
   *
   * @returns The schema that it would leave
   */
  rehearse(batch: readonly SQL[], mode: "rows" | "schema"): Promise<Snapshot>;
  /**
   * Runs `work` while no other harbor-db can hold the same lock, and frees it afterwards, however `work` ends.
   * A holder that died frees its lock by itself.
   *
   * @throws {HarborError} `locked` when another holds it longer than `waitMs`; `interrupted`
   */
  withLock<T>(work: () => Promise<T>, options?: LockOptions): Promise<T>;
  /** Returns the pace at which to change a table in batches. */
  pace(table: string): Promise<Pace>;
  /** Returns who holds the lock at this moment, without waiting or writing. */
  lockHolder(): Promise<LockHolder | undefined>;
  /** Changes large tables while others write to them; left out where the engine has no way of its own for that. */
  readonly beside?: BesideWriters;
  /** Notes what others change in a table, so that a copy can be kept in step with it; left out where the engine has no need of that. */
  readonly notes?: ChangeNotes;
  /**
   * Refuses to run scripts that a table of harbor-db's own holds, where a role with fewer rights than ours may write to it;
   * left out where the engine has no roles.
   *
   * @throws {HarborError} `untrusted_owner` naming the roles
   */
  readonly requireOwnHands?: (table: string) => Promise<void>;
  /**
   * Finds the rows of which a value cannot be worked out, and does not end at the first. Reads only; left out where the engine works
   * out whatever it is given.
   */
  readonly findUnworkable?: (worked: Worked) => Promise<Unworkable>;
  /** Returns those of these names, without a schema, that no type has, in whatever capitals; left out where any word is a type. */
  readonly missingTypes?: (names: readonly string[]) => Promise<readonly string[]>;
  /** Runs `work` and tells what the batches do that commit meanwhile, harbor-db's own bookkeeping aside. */
  watch<T>(watcher: Watcher, work: () => Promise<T>): Promise<T>;
  /** Returns what the database takes at this moment; `null` where that cannot be known. */
  space(): Promise<Space | null>;
  /** Returns how much more fits into the database; `null` where that cannot be known. */
  room(): Promise<Room | null>;
  /**
   * Reads the live schema in normal form.
   *
   * @param only Of these tables alone, and nothing else: of a large schema that takes a fraction of the time
   */
  introspect(only?: readonly string[]): Promise<Snapshot>;
  /**
   * Returns what tells this database from a copy that is called by the same name, the same at every time: a file's
   * folder, a server's own number. `null` where the engine cannot say.
   */
  home(): Promise<string | null>;
  close(): Promise<void>;
}

/** What ends a read. */
export interface ReadLimits {
  readonly signal: AbortSignal;
  /** So long at most it may take, in milliseconds. */
  readonly mostMs: number;
}

/** What is to be worked out of each row. */
export interface Worked {
  /** A SELECT of the key and the column, in which tables are marked as the own schema's. */
  readonly look: string;
  /** The column by which rows are told apart. */
  readonly named: string;
  /** The columns in whose order they come. */
  readonly order: readonly string[];
  readonly column: string;
  /** An expression of the column alone, whose names mean what the user's settings say. */
  readonly value: string;
  /** Of how many rows the key is told. */
  readonly most: number;
}

/** The rows of which it cannot be. */
export interface Unworkable {
  readonly rows: number;
  /** What the first of them are called by. */
  readonly keys: readonly (string | number | null)[];
}

/** The process that opens a database; written into the lock, so that others can name it and see that it is gone. */
export interface Client {
  /** `harbor-db 1.2.3`. */
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  /**
   * Names the set of processes in which `pid` means anything (the machine's boot and the pid namespace). Two
   * clients of one space can ask whether the other lives. `null` where that cannot be known.
   */
  readonly processSpace: string | null;
  isAlive(pid: number): boolean;
}

/** What the device of a database has left for it. */
export interface Room {
  readonly folder: string;
  /** So many bytes of new rows, about. */
  readonly bytes: number;
  /** The same once so much more of the database is taken, or less than nothing: free. */
  readonly after: (taken: number) => number;
}

/** How a driver opens its database. */
export interface OpenOptions {
  readonly client: Client;
  /**
   * `read`: nothing can be written through it and no file is made. `write`: an existing database.
   * `create`: as `write`, and a SQLite file that does not exist is made.
   */
  readonly access: "read" | "write" | "create";
  /** Aborted when the user asks to stop: a server that does not let us in, or answer, is waited for no longer. */
  readonly signal?: AbortSignal;
  /**
   * With access `read`: takes the database as it is. Nothing is repaired and no file is made beside it, not even for a
   * moment; a database that cannot be read that way fails with `check_failed`.
   */
  readonly asIs?: boolean;
  /** From how many rows on a table counts as large, so that it is changed beside its writers. For tests. */
  readonly largeRows?: number;
  /** The pace of a SQLite file, in the place of its own: of one that stands for a server's database, the server's. */
  readonly pace?: BatchPace;
}
