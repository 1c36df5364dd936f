import type { DatabaseSync } from "node:sqlite";
import { batchTimes } from "../pace.ts";
import type { Pace } from "../database.ts";
import { own, type SqliteStatement } from "./connection/statement.ts";
import { bringIn, checkpoint } from "./connection/checkpoint.ts";
import { busyTimeoutMs, execute, isWalMode, prepare } from "./connection/open_file.ts";

/** How a batch went, in milliseconds. */
export interface SqliteBatchTimes {
  /** For how long it kept its locks. */
  readonly heldMs: number;
  /** Of that, in line for a processor. */
  readonly inLineMs: number;
  /** Of `heldMs`, for its statements alone. */
  readonly rowsMs: number;
  /** For how long it waited for others before. */
  readonly waitedMs: number;
}

/** An open file, and what asks it and says what went wrong as of any statement. */
export interface PacedFile {
  readonly handle: DatabaseSync;
  rows<Row>(statement: SqliteStatement): Row[];
}

const rest = { wal: 1.2, journal: 1 };

/** How large the WAL may become while somebody's read keeps it from starting again, in bytes. */
const bearableBytes = 64 * 1024 * 1024;

/** How many pages of the WAL are brought in at once: well before a thousand, at which SQLite does it in somebody's commit. */
const worthPages = 400;

/** From how many pages of the WAL on, be they in the database or not, each that is left would soon be somebody's commit's to bring in. */
const hurryPages = 700;

/** When nobody has written for so long, nobody is taken to wait, in milliseconds: who waits for the lock looks every 100. */
const quietMs = 1_000;

/**
 * Returns the pace for a SQLite file.
 *
 * @param lastBatch Tells how the last batch went
 * @param now Tells the time, in milliseconds
 */
export function sqlitePace(
  file: PacedFile,
  lastBatch: () => SqliteBatchTimes,
  now = () => performance.now(),
): Omit<Pace, "pause"> {
  const { handle } = file;
  const mode = isWalMode(handle) ? "wal" : "journal";
  const pageSize = Number(prepare(handle, "PRAGMA page_size").get()?.["page_size"]);
  const backlogReason = `somebody's read keeps the WAL at ${bearableBytes / 1024 / 1024} MiB`;
  // Without a WAL readers wait as well, of whom nothing can be seen.
  const othersWriteNothing = mode === "wal" ? watchOthers(file, now) : () => false;
  return {
    batchMs: batchTimes[mode],
    rest: rest[mode],
    relax() {
      const { inLineMs, ...times } = lastBatch();
      return Promise.resolve({
        ...times,
        idleMs: othersWriteNothing() ? inLineMs : 0,
        fixedMs: 0,
        waiting: 0,
        lagMs: 0,
        backlog: mode === "wal" ? walBytes(file, pageSize) / bearableBytes : 0,
        backlogReason,
      });
    },
  };
}

/**
 * Returns what says whether no other connection has committed for {@link quietMs}, up to then from the start on.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_data_version
 */
function watchOthers({ rows }: PacedFile, now: () => number): () => boolean {
  const read = () => rows<{ readonly data_version: bigint }>(own("PRAGMA data_version"))[0]?.data_version;
  let version = read();
  let writtenAt = now();
  return () => {
    const last = version;
    version = read();
    if (version !== last) writtenAt = now();
    return now() - writtenAt > quietMs;
  };
}

/**
 * Brings the WAL's pages into the database before the application's own commits have to, and returns how large the WAL is that
 * could not start again.
 */
function walBytes({ handle, rows }: PacedFile, pageSize: number): number {
  let { pages, done } = checkpoint(rows, "NOOP");
  // The first commit after a whole checkpoint waits for the disk, with the lock: so not after every batch.
  const isWorth = pages - done >= worthPages || (pages >= hurryPages && pages > done);
  if (isWorth) ({ pages, done } = bringIn(rows));
  const bytes = pages * pageSize;
  if (bytes < bearableBytes / 4) return bytes;
  execute(handle, "PRAGMA busy_timeout = 0");
  try {
    // All of it may be in the database; what tells is whether a writer could start it again from the beginning.
    return checkpoint(rows, "RESTART").isBusy ? bytes : 0;
  } finally {
    execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}
