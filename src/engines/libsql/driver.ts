import type { LibsqlUrl } from "../../base/url/libsql_url.ts";
import { HarborError } from "../../base/errors.ts";
import { unlessAsked } from "../../base/interrupt.ts";
import type { Database, OpenOptions } from "../database.ts";
import { pauseFor } from "../pace.ts";
import { untilLastWord } from "../stop_between.ts";
import type { WatchedBatch, Watcher } from "../watch/figures.ts";
import { answerLost, isHarmless, isUndone, persist, stateOf, withState } from "./errors.ts";
import { serverPace } from "./pace.ts";
import { type LibsqlRequests, openRequests } from "./requests.ts";
import { serveSqlite, type SqliteConnection } from "../sqlite/database.ts";
import { type SqliteBatch } from "../sqlite/transaction/transaction.ts";
import { own } from "../sqlite/connection/statement.ts";

/** Milliseconds for the first answer. */
const firstLimitMs = 15_000;

/** A server tells nothing but what its answers do: how long they took, and how many attempts it refused. */
const noLoad = { waiting: 0, lagMs: 0, backlog: 0, backlogReason: "" };

/**
 * Opens a database on a libSQL server. Each batch is one request, and so one transaction on the server.
 *
 * A request is sent again when it is certain that nothing of it was committed: it never left, the server said that
 * its database was busy, or it took the transaction away from us (it does so after 5 seconds when another one
 * waits). When an answer is lost, the lock's fence tells which it was; outside the lock there is no second
 * attempt.
 *
 * @throws {HarborError} `connection_failed`
 */
export async function openLibsql(url: LibsqlUrl, options: OpenOptions): Promise<Database> {
  const requests = openRequests(url);
  await unlessAsked(requests.read([own("SELECT 1")], firstLimitMs), options.signal);
  const connection = connect(requests, url.display, options.signal);
  return serveSqlite({ url: url.display, options, connection });
}

/** @param signal Aborted when the user asks to stop: what is only asked stays unanswered then */
function connect(requests: LibsqlRequests, url: string, signal: AbortSignal | undefined): SqliteConnection {
  const inTurn = openTurns();
  let wasLocked = false;
  /** Why nothing more is asked. */
  let stopped: unknown;
  let isOpen = true;
  let lastBatch = { heldMs: 0, fixedMs: 0, waitedMs: 0 };
  let watcher: Watcher | null = null;

  /** Tries again what failed for a passing reason. */
  const harmless = <T>(work: () => Promise<T>) => persist(whileOpen(work), isHarmless);
  const undone = <T>(work: () => Promise<T>) => persist(whileOpen(work), isUndone);
  /** For whoever has the turn already. */
  const transactOwn = (make: () => SqliteBatch) => harmless(() => requests.transact(make()));

  /** Asks what may as well stay unanswered. Once the lock was taken, what was begun has to be told, and so an answer has a moment to come. */
  async function ask<T>(work: () => Promise<T>): Promise<T> {
    if (stopped !== undefined) throw stopped;
    try {
      return await (wasLocked ? untilLastWord : unlessAsked)(harmless(work), signal);
    } catch (error) {
      if (wasLocked && error instanceof HarborError && error.code === "interrupted") stopped = error;
      throw error;
    }
  }

  function whileOpen<T>(work: () => Promise<T>): () => Promise<T> {
    if (!isOpen) throw new HarborError("internal", `Cannot use "${url}": it is closed`);
    return work;
  }

  return {
    async read<Row>(statement: Parameters<SqliteConnection["read"]>[0]) {
      const [rows] = await ask(() => requests.read([statement]));
      return rows as unknown as Row[];
    },
    readTogether: (queries) => ask(() => requests.read(queries.map(own))),
    transact(make) {
      const asked = performance.now();
      return inTurn(() =>
        undone(async () => {
          const began = performance.now();
          const changed = await sendFenced(make());
          const waitedMs = began - asked;
          lastBatch = { heldMs: performance.now() - began, fixedMs: requests.quickestMs(), waitedMs };
          watcher?.onBatch(watchedBatch(lastBatch, changed));
          return changed;
        })
      );
    },
    async transactOwn(make) {
      if (stopped !== undefined) throw stopped;
      // Whatever becomes of it, the lease runs out.
      return await untilLastWord(inTurn(() => transactOwn(make)), signal);
    },
    rehearse: (make, queries) => inTurn(() => harmless(() => requests.rehearse(make(), queries))),
    runAlone: (statement, index, fence) =>
      inTurn(() =>
        undone(async () => {
          if (fence !== undefined) await harmless(() => requests.run(fence.first));
          return await requests.run({ ...statement, index });
        })
      ),
    underLock(work) {
      wasLocked = true;
      return work();
    },
    // A server would have to be asked.
    isSeenEmpty: () => false,
    readsBlockWriters: () => false,
    pace: () =>
      Promise.resolve({
        ...serverPace,
        relax: () => Promise.resolve({ ...noLoad, ...lastBatch }),
        pause: (ms, signal) => pauseFor(ms, signal, watcher),
      }),
    watch: (next) => watcher = next,
    // A server tells it nobody.
    space: () => null,
    room: () => null,
    home: () => null,
    close() {
      isOpen = false;
      return Promise.resolve();
    },
  };

  /** Sends a batch, and finds out by its fence what became of it when the answer is lost. */
  async function sendFenced(batch: SqliteBatch): Promise<number[]> {
    const { fence } = batch;
    try {
      const changed = await requests.transact(batch);
      fence?.passed();
      return changed;
    } catch (error) {
      if (fence === undefined) throw error;
      const settle = () => fence.settle((make) => transactOwn(() => ({ statements: make(), mode: "rows" })));
      if (error instanceof HarborError && error.code === "lock_lost") {
        // Something on the way may have sent the batch twice: then it was the first that the second one ran into.
        throw await settle().catch(() => undefined) === "committed" ? answerLost(url, error) : error;
      }
      if (stateOf(error) !== "unknown") throw error;
      throw await settle() === "committed" ? answerLost(url, error) : withState(error, "undone");
    }
  }
}

/** The server has its write lock for as long as it works on a request, which the way to it and back is taken off of. */
function watchedBatch(
  { heldMs, fixedMs }: { readonly heldMs: number; readonly fixedMs: number },
  changed: readonly number[],
): WatchedBatch {
  const ms = Math.max(0, heldMs - fixedMs);
  return {
    locks: [{ table: null, mode: "write lock", blocks: "writers", heldMs: ms, marginMs: fixedMs }],
    rowsChanged: changed.reduce((sum, rows) => sum + rows, 0),
    rowsRead: null,
    space: null,
  };
}

/** Returns what runs one work after the other: a heartbeat beside a long batch would make the server abort the batch. */
function openTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
}
