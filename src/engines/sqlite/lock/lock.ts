import { randomUUID } from "node:crypto";
import { setTimeout as startTimer } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../../base/errors.ts";
import { stopIfAsked } from "../../../base/interrupt.ts";
import { rowsOfForm } from "../../../base/row_form.ts";
import type { Client, LockHolder, LockOptions } from "../../database.ts";
import { lockedError } from "../../../base/lock_error.ts";
import {
  createLock,
  fenceLock,
  freeLock,
  holderOf,
  lockForm,
  type LockRow,
  readLock,
  renewLock,
  replaceToken,
  takeLock,
} from "./row.ts";
import type { SqliteStatement } from "../connection/statement.ts";

/** How the lease reaches its database. */
export interface LeaseStore {
  readonly url: string;
  readonly client: Client;
  read<Row>(statement: SqliteStatement): Promise<Row[]>;
  /**
   * Runs a batch in one transaction without a fence and returns how many rows each statement changed. `make` is called
   * for each attempt; a repeat of the lease's own statements does no harm.
   *
   * @param isUrgent Left out where it may as well fail, rather than hold up what this process does
   */
  write(make: () => readonly SqliteStatement[], isUrgent?: false): Promise<readonly number[]>;
}

/** What makes a batch fail when the lock is not ours any more; both statements belong into its transaction. */
export interface Fence {
  /** Goes first: takes the engine's write lock, proves that the lock is ours and renews it. */
  readonly first: SqliteStatement;
  /** Goes last: proves it once more and puts a new token in place, by which the batch can be seen to have committed. */
  readonly last: SqliteStatement;
  /** To be called when the batch has committed. */
  passed(): void;
  /**
   * Finds out what became of the batch when its answer did not arrive. Replaces the token in the same statement that
   * looks, so that a batch which still runs somewhere cannot commit any more.
   *
   * @param write The store's `write`, for a caller who has the turn already
   * @throws {HarborError} `lock_lost` when another holds the lock
   */
  settle(write: LeaseStore["write"]): Promise<"committed" | "rolled_back">;
}

/**
 * harbor-db's lock on engines without advisory locks: a row that says who holds it and until when.
 *
 * The row is never deleted: a lock that is free has an empty token. The engine's clock decides what has expired.
 */
export interface Lease {
  /** See `Database.withLock`. */
  withLock<T>(work: () => Promise<T>, options?: LockOptions): Promise<T>;
  /** See `Database.lockHolder`. */
  lockHolder(): Promise<LockHolder | undefined>;
  /**
   * Returns the fence for the next batch; `undefined` while no lock is held.
   *
   * @throws {HarborError} `lock_lost` when it is known to be lost
   */
  fence(): Fence | undefined;
}

/** Milliseconds between two renewals, well below how long a lease lasts. */
const heartbeatMs = 6_000;

interface Attempt {
  readonly isTaken: boolean;
  /** What stands in the way. */
  readonly row?: LockRow | undefined;
  readonly failure?: HarborError;
}

/** Opens the lease of a database; reads and writes nothing until asked. */
export function openLease(store: LeaseStore): Lease {
  const { url, client } = store;
  /** The token in the row while the lock is held. */
  let held: string | undefined;
  /** The token that the last batch puts in its place, which may have committed without its word having come. */
  let pending: string | undefined;
  let isLost = false;
  let isInUse = false;

  return { withLock, lockHolder, fence };

  async function withLock<T>(work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
    if (isInUse) {
      throw new HarborError("internal", `Cannot lock "${url}": this process already holds the lock`);
    }
    isInUse = true;
    try {
      held = await take(options);
      isLost = false;
      const stopHeartbeat = startHeartbeat();
      try {
        return await work();
      } finally {
        stopHeartbeat();
        await release();
      }
    } finally {
      held = pending = undefined;
      isInUse = false;
    }
  }

  /** Waits for the lock and returns the token that it was taken with. */
  async function take({ waitMs = 0, signal, onWait }: LockOptions): Promise<string> {
    const token = randomUUID();
    const deadline = performance.now() + waitMs;
    for (let waited = false;; waited = true) {
      const { isTaken, row, failure } = await tryTake(token);
      if (isTaken) return token;
      stopIfAsked(signal);
      const holder = row && holderOf(row);
      if (performance.now() >= deadline) {
        throw holder === undefined && failure ? failure : lockedError(`Cannot lock "${url}"`, holder);
      }
      if (!waited) onWait?.(holder);
      // The spread keeps processes that wait together from asking together.
      await sleep(Math.min(50 + Math.random() * 250, Math.max(deadline - performance.now(), 1)));
    }
  }

  /**
   * Takes the lock if it is free. Looks first, because an attempt to write would cut off a long transaction of the
   * holder on a libSQL server.
   */
  async function tryTake(token: string): Promise<Attempt> {
    let row: LockRow | undefined;
    try {
      row = await readRow();
      if (row !== undefined && !isFree(row)) return { isTaken: false, row };
      const create = row === undefined ? createLock : [];
      const dead = row !== undefined && isDead(row) ? row.token : "";
      const changed = await store.write(() => [...create, takeLock(client, token, dead)]);
      return changed.at(-1) === 1 ? { isTaken: true } : { isTaken: false, row: await readRow() };
    } catch (error) {
      // The holder's own transaction may keep everyone else out for longer than the engine waits.
      if (error instanceof HarborError && error.code === "busy") {
        return { isTaken: false, row, failure: error };
      }
      throw error;
    }
  }

  async function readRow(): Promise<LockRow | undefined> {
    try {
      const rows = await store.read<LockRow>(readLock);
      return rowsOfForm("harbor_lock", lockForm, rows)[0];
    } catch (error) {
      if (error instanceof HarborError && error.code === "missing_table") return undefined;
      throw error;
    }
  }

  function isFree(row: LockRow): boolean {
    return row.token === "" || row.expired !== 0 || isDead(row);
  }

  function isDead(row: LockRow): boolean {
    const isNear = client.processSpace !== null && row.process_space === client.processSpace;
    return isNear && row.pid !== null && !client.isAlive(row.pid);
  }

  async function lockHolder(): Promise<LockHolder | undefined> {
    const row = await readRow();
    return row && !isFree(row) ? holderOf(row) : undefined;
  }

  function startHeartbeat(): () => void {
    let timer: ReturnType<typeof startTimer> | undefined;
    let isRunning = true;
    const schedule = () => {
      timer = startTimer(beat, heartbeatMs);
      timer.unref();
    };
    const beat = async () => {
      try {
        // The lock may have been freed while this waited for its turn.
        const [changed] = await store.write(
          () => held === undefined ? [] : [renewLock(held, pending ?? held)],
          false,
        );
        if (changed === 0 && isRunning) isLost = true;
      } catch {
        // A beat that does not get through is made up for by the next one, or by the next batch.
      }
      if (isRunning) schedule();
    };
    schedule();
    return () => {
      isRunning = false;
      clearTimeout(timer);
    };
  }

  /** Frees the lock. A failure is no news: the lease runs out by itself, and what `work` did was fenced. */
  async function release(): Promise<void> {
    await store.write(() => [freeLock(held!)]).catch(() => undefined);
  }

  function fence(): Fence | undefined {
    if (held === undefined) return undefined;
    if (isLost) throw lockLost(url);
    const next = pending = randomUUID();
    return {
      first: fenceLock(held, held),
      last: fenceLock(held, next),
      passed: () => held = next,
      settle: (write) => settle(next, write),
    };
  }

  async function settle(next: string, write: LeaseStore["write"]): Promise<"committed" | "rolled_back"> {
    const old = held!;
    const fresh = randomUUID();
    const [changed] = await write(() => [replaceToken(old, fresh)]);
    const row = changed === 1 ? undefined : await readRow();
    if (changed === 1 || row?.token === fresh) {
      held = fresh;
      return "rolled_back";
    }
    held = next;
    if (row?.token === next) return "committed";
    isLost = true;
    throw lockLost(url);
  }
}

/** Says whether an engine's message is that of a {@link Fence} which did not let a batch through. */
export function isFenceFailure(message: string): boolean {
  return /NOT NULL constraint failed: harbor_lock\.token|no such table: (main\.)?harbor_lock/.test(message);
}

/** Returns the error for a batch whose fence failed. */
export function lockLost(url: string): HarborError {
  return new HarborError("lock_lost", `Cannot write to "${url}": its lock is no longer this command's`, {
    hint:
      "Another harbor-db took it, or something else is in the database's place. Nothing of this batch was kept. See what is there: harbor-db status",
  });
}
