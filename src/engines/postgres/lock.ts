import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { LockHolder, LockOptions } from "../database.ts";
import { lockedError, ownerName } from "../../base/lock_error.ts";
import type { Session } from "./session/session.ts";
import { statementError } from "./session/errors.ts";
import { runPinned } from "./session/search_path.ts";
import { openSession } from "./session/open_session.ts";
import type { Statement } from "./session/statement.ts";

/** The advisory lock of one session, see {@link advisoryLock}. */
export interface AdvisoryLock {
  /** Whether {@link withLock}'s work is under way. */
  isHeld(): boolean;
  withLock<T>(work: () => Promise<T>, options?: LockOptions): Promise<T>;
  holder(): Promise<LockHolder | undefined>;
  /** An SQL condition: the session that runs it holds the lock. */
  readonly heldHere: string;
}

/** What {@link advisoryLock} needs. */
export interface LockSetting {
  readonly session: Session;
  readonly url: PostgresUrl;
  /** The application name of {@link applicationName}. */
  readonly name: string;
  /** Runs under the lock before the work. */
  readonly onAcquired: () => Promise<void>;
}

/** First half of the key, which is the same in every database: "harb" in ASCII. */
const keyClass = 0x68617262;

/** How long {@link isSharedSession} waits for the pooler. */
const probeMs = 2_000;

/**
 * Makes the lock: an advisory lock of the session, one for each schema of a database.
 *
 * It is asked for again and again. A session that waits for it inside `pg_advisory_lock` holds a snapshot, for which
 * `CREATE INDEX CONCURRENTLY` of the holder waits: a deadlock.
 */
export function advisoryLock({ session, url, name, onAcquired }: LockSetting): AdvisoryLock {
  const schemaKey = createHash("sha256").update(session.schema ?? "").digest();
  const key = `${keyClass}, ${schemaKey.readInt32BE(0)}`;
  const matches =
    `l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = ${keyClass}::oid ` +
    `AND l.objid = '${schemaKey.readUInt32BE(0)}'::oid`;
  const inDatabase = "l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
  // A session has no locks in other databases.
  const heldHere = `EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_backend_pid() AND ${matches})`;
  let entered = false;
  let held = false;

  async function run<Row>(text: string): Promise<Row | undefined> {
    try {
      const [result] = await session.exclusive(() => runPinned(session, [plain(text)]));
      return result?.rows[0] as Row | undefined;
    } catch (error) {
      throw statementError(error, { statement: text, url: url.display, lockHeld: held });
    }
  }

  /** In one statement, so that behind a pooler both halves speak of the same server process. */
  async function take(): Promise<boolean> {
    const row = await run<{ pid: number; before: boolean; taken: boolean }>(
      `WITH own AS MATERIALIZED (SELECT ${heldHere} AS before) SELECT pg_backend_pid() AS pid, before, ` +
        `CASE WHEN before THEN false ELSE pg_try_advisory_lock(${key}) END AS taken FROM own`,
    );
    if (row?.pid === session.backendPid && !row.before) return row.taken;
    if (row?.taken) await release();
    throw poolerError(url);
  }

  async function release(): Promise<void> {
    try {
      if ((await run<{ freed: boolean }>(`SELECT pg_advisory_unlock(${key}) AS freed`))?.freed) return;
    } catch {
      // The work's own outcome matters more, and the end of the session frees the lock as well.
    }
    await session.close();
  }

  async function holder(): Promise<LockHolder | undefined> {
    const found = await run<{ pid: number }>(
      `SELECT l.pid FROM pg_locks l WHERE ${matches} AND ${inDatabase} LIMIT 1`,
    );
    // Who that is, is asked when there is somebody: this one takes long to answer at first.
    const row = found && await run<{ name: string | null; since: string | null }>(
      `SELECT application_name AS name, to_char(backend_start AT TIME ZONE 'UTC', ` +
        `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since FROM pg_stat_activity WHERE pid = ${found.pid}`,
    );
    return found && { owner: ownerOf(row?.name ?? null, found.pid), since: row?.since ?? null };
  }

  async function acquire({ waitMs = 0, signal, onWait }: LockOptions): Promise<void> {
    const deadline = performance.now() + waitMs;
    let told = false;
    while (!(await take())) {
      stopIfAsked(signal);
      const left = deadline - performance.now();
      const other = left <= 0 || !told ? await holder() : undefined;
      if (left <= 0) throw lockedError(`Cannot lock "${url.display}"`, other, { waitMs });
      if (!told) onWait?.(other);
      told = true;
      // Two that wait do not ask in step.
      await sleep(Math.min(left, 100 + Math.random() * 200));
    }
  }

  return {
    heldHere,
    holder,
    isHeld: () => held,
    async withLock(work, options = {}) {
      if (entered) {
        throw new HarborError("internal", `Cannot lock "${url.display}": this process does already`);
      }
      entered = true;
      try {
        if (!session.direct && await isSharedSession(session, { url, name })) throw poolerError(url);
        await acquire(options);
        held = true;
        try {
          await onAcquired();
          return await work();
        } finally {
          await release();
          held = false;
        }
      } finally {
        entered = false;
      }
    },
  };
}

/** Returns how a process names itself to the server, for {@link AdvisoryLock.holder} of another to read. */
export function applicationName({ name, pid, host }: { name: string; pid: number; host: string }): string {
  return `${name.replace(" ", "/")} ${pid}@${host}`;
}

function ownerOf(application: string | null, backendPid: number): string {
  const own = /^harbor-db\/\S+ (\d+)@(.+)$/.exec(application ?? "");
  if (own !== null) return ownerName({ pid: Number(own[1]), host: own[2]! });
  return `${application || "a program without a name"} (server process ${backendPid})`;
}

/**
 * Whether a pooler gives this session's server process to others between transactions: then a second session can
 * get the process that a session of our own would have kept to itself. Not proven is no.
 */
async function isSharedSession(
  session: Session,
  { url, name }: Pick<LockSetting, "url" | "name">,
): Promise<boolean> {
  const patience = new AbortController();
  const opening = openSession(url, name).then(
    async (second) => {
      await second.close();
      return second.backendPid === session.backendPid;
    },
    () => false,
  );
  const shared = await Promise.race([
    opening,
    sleep(probeMs, false, { signal: patience.signal }).catch(() => false),
  ]);
  patience.abort();
  return shared;
}

function poolerError(url: PostgresUrl): HarborError {
  return new HarborError(
    "connection_failed",
    `Cannot lock "${url.display}": a pooler in between gives each transaction another session`,
    { hint: "Connect to the server itself, or to a port of the pooler that works in session mode." },
  );
}

function plain(text: string): Statement {
  return { text, parameters: [] };
}
