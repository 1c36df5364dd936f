import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { HeldLock, Space, WatchedBatch } from "../../watch/figures.ts";
import { isWalMode } from "../connection/open_file.ts";

/** Sees what one transaction does to a file. */
export interface BatchWatch {
  /** Called when its statements have run. */
  beforeCommit(): void;
  /** @param heldMs How long it had the write lock */
  end(heldMs: number): WatchedBatch;
}

/**
 * Starts to watch the transaction that begins now.
 *
 * @param path `null` in memory
 * @param commitMs What a commit of next to nothing took that was slow, as far as one was seen
 */
export function watchBatch(handle: DatabaseSync, path: string | null, commitMs = 0): BatchWatch {
  const changedBefore = totalChanges(handle);
  const writtenAt = path === null ? null : writtenAtOf(path);
  let ranAt = performance.now();
  let space: Space | null = null;
  let isSpilled = false;
  return {
    beforeCommit() {
      ranAt = performance.now();
      space = path === null ? null : spaceOf(path);
      isSpilled = path !== null && writtenAtOf(path) !== writtenAt;
    },
    end(heldMs) {
      const lastMs = performance.now() - ranAt;
      const after = path === null ? null : spaceOf(path);
      return {
        locks: locksOf(isWalMode(handle), {
          heldMs,
          exclusiveMs: isSpilled ? heldMs : Math.min(heldMs, lastMs),
          marginMs: Math.max(leastMarginMs, Math.ceil(commitMs)),
        }),
        rowsChanged: totalChanges(handle) - changedBefore,
        rowsRead: null,
        space: larger(space, after),
      };
    },
  };
}

/** The clock is exact; the flush at a commit takes now more, now less: on a quiet disk so much. */
const leastMarginMs = 2;

/**
 * Readers wait for nobody beside a WAL. With a rollback journal they wait while a transaction writes to the file itself:
 * at its commit, and from when its changes no longer fit into memory, which is only known to have happened.
 *
 * Source: https://www.sqlite.org/lockingv3.html
 */
function locksOf(
  isWal: boolean,
  { heldMs, exclusiveMs, marginMs }: {
    readonly heldMs: number;
    /** For how long readers may have waited without a WAL. */
    readonly exclusiveMs: number;
    readonly marginMs: number;
  },
): readonly HeldLock[] {
  const write: HeldLock = { table: null, mode: "write lock", blocks: "writers", heldMs, marginMs };
  if (isWal) return [write];
  return [
    { table: null, mode: "exclusive lock", blocks: "readers and writers", heldMs: exclusiveMs, marginMs },
    write,
  ];
}

/** Returns what a file takes, with the log or journal beside it. */
export function spaceOf(path: string): Space {
  const sizeOf = (ending: string) => statSync(path + ending, { throwIfNoEntry: false })?.size ?? 0;
  return { fileBytes: sizeOf(""), logBytes: sizeOf("-wal") + sizeOf("-journal"), tempBytes: null };
}

function larger(a: Space | null, b: Space | null): Space | null {
  if (a === null || b === null) return a ?? b;
  return a.fileBytes + a.logBytes > b.fileBytes + b.logBytes ? a : b;
}

function writtenAtOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function totalChanges(handle: DatabaseSync): number {
  return Number(handle.prepare("SELECT total_changes() AS n").get()?.["n"]);
}
