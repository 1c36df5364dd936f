import { hasOwnName, isOwnRelation } from "../catalogs/own_relations.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../../base/errors.ts";
import { inPlace, ownSchemas, type Place, shownName } from "../catalogs/place.ts";
import type { Blocks, HeldLock, Space, WatchedBatch, Watcher } from "../../watch/figures.ts";

/**
 * Whom a lock on a table keeps waiting; modes that are not here keep nobody waiting who reads or writes rows.
 *
 * Source: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 */
const blocking: Readonly<Record<string, Blocks>> = {
  AccessExclusiveLock: "readers and writers",
  ExclusiveLock: "writers",
  ShareRowExclusiveLock: "writers",
  ShareLock: "writers",
};

/** How long to pause between two looks at the locks, in milliseconds. */
const lookMs = 5;

/** Looks from a second session at what the batches of the first one hold. */
export interface LockWatch {
  /** See `Watcher.maxLockMs`. */
  readonly maxLockMs: number | undefined;
  /** Starts to look at a batch that begins now. */
  begin(): BatchWatch;
  /** Returns what the database takes. */
  space(): Promise<Space | null>;
  stop(): Promise<void>;
}

/** The look at one batch. */
export interface BatchWatch {
  /** Says that the first statement comes now: before it, a transaction has locked nothing that this is about. */
  starts(): void;
  /** Looks once more, before the commit: until there a transaction keeps all that it locked. */
  beforeCommit(): Promise<void>;
  /** Tells the watcher of the batch, which has committed. */
  committed(rows: { readonly changed: number; readonly read: number | null }): void;
  /** Ends the look, also when the batch failed, and returns the error for a batch that was broken off; `null` for others. */
  end(): HarborError | null;
}

/** What {@link watchLocks} needs. */
export interface LockWatchSetting {
  /** The server process of the first session. */
  readonly pid: number;
  readonly place: Place;
  readonly watcher: Watcher;
  /** The second session. */
  readonly observer: Observer;
}

/** A session that only looks. */
export interface Observer {
  /** Runs one query of ours and returns its rows. */
  ask(text: string): Promise<readonly Record<string, unknown>[]>;
  hasEnded(): boolean;
  close(): Promise<void>;
}

interface LockRow {
  readonly name: string;
  readonly mode: string;
}

/** Since when a lock is known to be held: from the look before it was first seen on. */
interface SeenLock extends LockRow {
  readonly since: number;
}

/**
 * Watches the batches of a session. What only its transaction sees, such as a table that it made, is seen from here by
 * nobody and so left out: nobody else can wait for it.
 */
export function watchLocks({ pid, place, watcher, observer }: LockWatchSetting): LockWatch {
  let batch: {
    readonly began: number;
    readonly locks: Map<string, SeenLock>;
    lastLook: number;
    /** Between two looks. */
    longestGapMs: number;
    brokenOff: HeldLock | null;
  } | null = null;
  let isStopped = false;
  let turn: Promise<unknown> = Promise.resolve();

  function ask(text: string): Promise<readonly Record<string, unknown>[]> {
    const mine = turn.then(() => observer.ask(text));
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function look(): Promise<void> {
    const seen = batch;
    if (seen === null) return;
    const asked = performance.now();
    const rows = await ask(locksQuery(pid, place)) as unknown as readonly LockRow[];
    for (const row of rows) {
      const key = `${row.mode} ${row.name}`;
      if (!seen.locks.has(key)) seen.locks.set(key, { ...row, since: seen.lastLook });
    }
    seen.longestGapMs = Math.max(seen.longestGapMs, asked - seen.lastLook);
    seen.lastLook = Math.max(seen.lastLook, asked);
    if (watcher.maxLockMs === undefined || batch !== seen || seen.brokenOff !== null) return;
    const over = locksOf(seen).find((lock) => lock.blocks !== "nobody" && lock.heldMs > watcher.maxLockMs!);
    if (over === undefined) return;
    seen.brokenOff = over;
    await ask(`SELECT pg_cancel_backend(${pid})`);
  }

  function locksOf({ locks, longestGapMs }: NonNullable<typeof batch>): readonly HeldLock[] {
    const now = performance.now();
    return [...locks.values()].map(({ name, mode, since }) => ({
      table: name,
      mode,
      blocks: blocking[mode] ?? "nobody",
      heldMs: now - since,
      marginMs: Math.ceil(longestGapMs),
    }));
  }

  async function space(): Promise<Space | null> {
    const [row] = await ask(spaceQuery);
    if (row === undefined) return null;
    return {
      fileBytes: Number(row["file"]),
      logBytes: Number(row["log"]),
      tempBytes: row["temp"] === null ? null : Number(row["temp"]),
    };
  }

  const looking = (async () => {
    while (!isStopped) {
      await look();
      await sleep(lookMs);
    }
  })().catch(() => undefined);

  return {
    maxLockMs: watcher.maxLockMs,
    begin() {
      const own = {
        began: performance.now(),
        locks: new Map(),
        lastLook: performance.now(),
        longestGapMs: lookMs,
        brokenOff: null,
      };
      batch = own;
      let taken: Space | null = null;
      return {
        starts: () => void (own.lastLook = performance.now()),
        async beforeCommit() {
          if (observer.hasEnded()) return;
          await look().catch(() => undefined);
          taken = await space().catch(() => null);
        },
        committed({ changed, read }) {
          const told: WatchedBatch = {
            locks: locksOf(own),
            rowsChanged: changed,
            rowsRead: read,
            space: taken,
          };
          batch = null;
          watcher.onBatch(told);
        },
        end() {
          batch = null;
          return own.brokenOff === null ? null : overBudget(own.brokenOff, watcher.maxLockMs!);
        },
      };
    },
    space: () => space().catch(() => null),
    async stop() {
      isStopped = true;
      batch = null;
      await Promise.race([looking, sleep(1_000, undefined, { ref: false })]);
      await observer.close();
    },
  };
}

function overBudget({ table, mode, blocks, heldMs }: HeldLock, maxLockMs: number): HarborError {
  return new HarborError("over_budget", `Cannot keep the lock on "${table}"`, {
    state: `${mode} kept ${blocks} waiting for ${Math.round(heldMs)} ms, and --max-lock allows ${
      Math.round(maxLockMs)
    } ms; the batch was rolled back`,
    details: { budget: "max-lock", table, mode, heldMs: Math.round(heldMs), allowedMs: maxLockMs },
  });
}

const spaceQuery = "SELECT pg_database_size(current_database())::text AS file, " +
  "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text AS log, " +
  "(SELECT temp_bytes::text FROM pg_stat_database WHERE datname = current_database()) AS temp";

function locksQuery(pid: number, place: Place): string {
  // A sequence is whose the table is that it belongs to.
  const text = `SELECT ${shownName("o.relnamespace", "o.relname")} AS name, l.mode FROM pg_locks l ` +
    `JOIN pg_class o ON o.oid = l.relation AND o.relnamespace = ${ownSchemas} ` +
    "LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = o.oid AND d.objsubid = 0 " +
    "AND o.relkind = 'S' AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') " +
    "JOIN pg_class c ON c.oid = coalesce(d.refobjid, o.oid) " +
    `WHERE l.pid = ${pid} AND l.locktype = 'relation' AND l.granted ` +
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) " +
    "AND o.relkind IN ('r', 'p', 'm', 'v', 'f', 'S') " + `AND NOT ${isOwnRelation}`;
  return inPlace(text, place);
}

/** Counts the rows that the statements of a session read and changed, of its transaction and some before it. */
export const rowsQuery =
  "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::text AS read, " +
  "coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text AS changed FROM pg_stat_xact_user_tables " +
  `WHERE NOT ${hasOwnName("relname")}`;

/** Lets the server count temporary files at the end of the transaction, and not when it finds the time. */
export const countNow = "SELECT pg_stat_force_next_flush()";
