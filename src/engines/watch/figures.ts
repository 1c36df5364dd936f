/** Whom a lock keeps waiting; the more, the earlier. */
export const blockable = ["readers and writers", "writers", "nobody"] as const;

/** See {@link blockable}. */
export type Blocks = typeof blockable[number];

/** A lock that a batch held. */
export interface HeldLock {
  /** What it is on; `null` is the whole database. */
  readonly table: string | null;
  /** As the engine names it: `AccessExclusiveLock`. */
  readonly mode: string;
  readonly blocks: Blocks;
  /** From when it was had to the end of the transaction, in milliseconds. */
  readonly heldMs: number;
  /** By how much that may be otherwise the next time: what a look cannot tell, and what a disk varies by. */
  readonly marginMs: number;
}

/** What a database takes, in bytes. */
export interface Space {
  readonly fileBytes: number;
  /**
   * Of the write-ahead log: its size where it belongs to the database's file, and where a server keeps one for all, how far
   * that has come.
   */
  readonly logBytes: number;
  /** Written to temporary files since the engine began to count; `null` where it does not tell. */
  readonly tempBytes: number | null;
}

/** What a batch did that has committed. */
export interface WatchedBatch {
  readonly locks: readonly HeldLock[];
  /** Those of triggers included. */
  readonly rowsChanged: number;
  /** `null` where the engine does not count them. */
  readonly rowsRead: number | null;
  /** Before its end, when what it replaces is still there; `null` where that is not known. */
  readonly space: Space | null;
}

/** Who is told what batches do, see `Database.watch`. */
export interface Watcher {
  /** Told of each batch that has committed. What it throws is nobody's: it must not throw. */
  onBatch(batch: WatchedBatch): void;
  /** Called in the place of the pauses between batches, where those are only to be counted. */
  readonly onPause?: ((ms: number) => void) | undefined;
  /**
   * Whether nobody uses the database and nothing in it has to last: what only spares others, or waits for the disk, may be
   * left out. No figure then says anything of another database.
   */
  readonly isThrowAway?: boolean | undefined;
  /**
   * For how long a lock may be held that keeps others waiting, in milliseconds. Where the engine can break off a
   * transaction from outside, it does, and the batch fails with `over_budget`.
   */
  readonly maxLockMs?: number | undefined;
}
