import type { DatabaseSync } from "node:sqlite";
import { batchTimes } from "../pace.ts";
import type { Pace } from "../database.ts";
import { busyTimeoutMs, execute, prepare } from "./open_file.ts";

/** How a batch went, in milliseconds. */
export interface SqliteBatchTimes {
  /** For how long it kept its locks. */
  readonly heldMs: number;
  /** Of that, for its statements alone. */
  readonly rowsMs: number;
  /** For how long it waited for others before. */
  readonly waitedMs: number;
}

const rest = { wal: 1.2, journal: 1 };

/** How large the WAL may become while somebody's read keeps it from starting again, in bytes. */
const bearableBytes = 64 * 1024 * 1024;

/** How many pages of the WAL are brought in at once: well before a thousand, at which SQLite does it in somebody's commit. */
const worthPages = 400;

/** Says whether the database keeps a write-ahead log. */
export function isWalMode(handle: DatabaseSync): boolean {
  return prepare(handle, "PRAGMA journal_mode").get()?.["journal_mode"] === "wal";
}

/**
 * Returns the pace for a SQLite file.
 *
 * @param lastBatch Tells how the last batch went
 */
export function sqlitePace(handle: DatabaseSync, lastBatch: () => SqliteBatchTimes): Omit<Pace, "pause"> {
  const mode = isWalMode(handle) ? "wal" : "journal";
  const pageSize = Number(prepare(handle, "PRAGMA page_size").get()?.["page_size"]);
  const backlogReason = `somebody's read keeps the WAL at ${bearableBytes / 1024 / 1024} MiB`;
  return {
    batchMs: batchTimes[mode],
    rest: rest[mode],
    // Without a WAL, nobody can commit while somebody reads.
    readRest: mode === "wal" ? 0 : 1,
    relax: () =>
      Promise.resolve({
        ...lastBatch(),
        fixedMs: 0,
        waiting: 0,
        lagMs: 0,
        backlog: mode === "wal" ? walBytes(handle, pageSize) / bearableBytes : 0,
        backlogReason,
      }),
  };
}

/**
 * Brings the WAL's pages into the database, so that the application's own commits never have to, and returns how large
 * the WAL is that could not start again.
 *
 * PASSIVE waits for nobody and lets writers write meanwhile: https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */
function walBytes(handle: DatabaseSync, pageSize: number): number {
  const { pages, done } = checkpoint(handle, "NOOP");
  // The first commit after a whole checkpoint waits for the disk, with the lock: so not after every batch.
  if (pages - done >= worthPages) checkpoint(handle, "PASSIVE");
  const bytes = pages * pageSize;
  if (bytes < bearableBytes / 4) return bytes;
  execute(handle, "PRAGMA busy_timeout = 0");
  try {
    // All of it may be in the database; what tells is whether a writer could start it again from the beginning.
    return checkpoint(handle, "RESTART").isBusy ? bytes : 0;
  } finally {
    execute(handle, `PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}

function checkpoint(
  handle: DatabaseSync,
  mode: "NOOP" | "PASSIVE" | "RESTART",
): { readonly isBusy: boolean; readonly pages: number; readonly done: number } {
  const row = prepare(handle, `PRAGMA wal_checkpoint(${mode})`).get();
  return {
    isBusy: Number(row?.["busy"]) !== 0,
    pages: Number(row?.["log"]),
    done: Number(row?.["checkpointed"]),
  };
}
