import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import type { SQL } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { unlessAsked } from "../../base/interrupt.ts";
import type { Database, OpenOptions, ReadLimits } from "../database.ts";
import { hurry, pauseFor } from "../pace.ts";
import { untilLastWord } from "../stop_between.ts";
import type { Watcher } from "../watch/figures.ts";
import type { Result, Session } from "./session/session.ts";
import { statementError } from "./session/errors.ts";
import { inPlace } from "./catalogs/place.ts";
import { introspection, readSnapshot } from "./introspect.ts";
import { type Occupation, occupation } from "./catalogs/occupation.ts";
import { advisoryLock, applicationName } from "./lock.ts";
import { postgresPace } from "./pace.ts";
import { missingTypesQuery } from "./missing_types.ts";
import { refuseViews } from "./session/own_views.ts";
import { readLimits, requireOneSchema, runPinned, turnToOurs, turnToUsers } from "./session/search_path.ts";
import { namePolicies } from "./policies.ts";
import { findUnworkable } from "./unworkable.ts";
import { openSession, setSessionTimeouts } from "./session/open_session.ts";
import { compile, type Statement } from "./session/statement.ts";
import { trustOf } from "./trust/trust.ts";
import { postgresChangeNotes } from "./watch/change_notes.ts";
import { type LockWatch, watchLocks } from "./watch/locks.ts";
import { batchWriter, type Patience, type PostgresBatchTimes } from "./write.ts";

const defaultPatience: Patience = { lockTimeoutMs: 2_000, totalMs: 60_000, concurrentlyMs: 600_000 };

/**
 * Opens a PostgreSQL database through one connection. Every method is an own transaction (mode `alone` excepted), so
 * that a transaction pooler does no harm, save for {@link Database.withLock}, which refuses to work through one.
 *
 * A connection that ends is not made again: later calls fail with `connection_failed`, or `lock_lost` under the lock.
 *
 * @throws {HarborError} `connection_failed` with the server's words and what to do about them
 */
export async function openPostgres(
  url: PostgresUrl,
  { client, access, largeRows, signal }: OpenOptions,
  patience: Patience = defaultPatience,
): Promise<Database> {
  const name = applicationName(client);
  const opening = openSession(url, name);
  const opened = await unlessAsked(opening, signal).catch((error) => {
    opening.then((late) => late.close(false), () => {});
    throw error;
  });
  try {
    requireOneSchema(opened, url.display);
    refuseViews(opened, url.display);
  } catch (error) {
    await opened.close(false);
    throw error;
  }
  let wasLocked = false;
  /** Why nothing more is said on the session. */
  let stopped: unknown;

  /** Asks what may as well stay unanswered. Once the lock was taken, what was begun has to be told, and so an answer has a moment to come. */
  async function ask(statements: readonly Statement[]): Promise<readonly Result[]> {
    if (stopped !== undefined) throw stopped;
    try {
      return await (wasLocked ? untilLastWord : unlessAsked)(opened.run(statements), signal);
    } catch (error) {
      if (wasLocked && error instanceof HarborError && error.code === "interrupted") {
        stopped = error;
        // The server rolls back what it was asked, and frees the lock.
        void opened.close(false);
      }
      throw error;
    }
  }

  const session: Session = {
    ...opened,
    run: ask,
    // Where nothing is written, there is no transaction that others could get into.
    ...access === "read" ? { exclusive: (work) => work(), shared: (work) => work() } : {},
  };
  let protection: Promise<void> | undefined;
  let isReadOnly = false;
  const protectOnce = () =>
    protection ??= setSessionTimeouts(session).catch((error) => {
      throw statementError(error, { statement: "SET", url: url.display, lockHeld: lock.isHeld() });
    });
  const trust = trustOf(session, url.display, url.trustsOwner === true);
  const lock = advisoryLock({
    session,
    url,
    name,
    async onAcquired() {
      wasLocked = true;
      // Sent together; neither waits for what the other says.
      await Promise.all([protectOnce(), trusted(trust.requireToChange())]);
    },
  });
  let lastBatch: PostgresBatchTimes = { heldMs: 0, fixedMs: 0, rowsMs: 0, waitedMs: 0 };
  const writer = batchWriter({
    // Once the lock was taken, what was begun has to come to its end.
    session: { ...session, run: (statements) => wasLocked ? opened.run(statements) : ask(statements) },
    lock,
    trust,
    patience,
    url: url.display,
    lockTimeout: url.settings["lock_timeout"],
    openObserver: () => openSession(url, name),
    onBatch: (times) => lastBatch = times,
    watch: () => watch,
  });
  let watcher: Watcher | null = null;
  let watch: LockWatch | null = null;

  const isThrowAway = () => watcher?.isThrowAway === true;

  /** One round trip. A statement that would write fails. */
  async function readOnly(statements: readonly Statement[], statement: string): Promise<readonly Result[]> {
    const asUser = statements.some((each) => each.asUser);
    try {
      return await session.shared(async () => {
        // Behind a pooler the settings would stay in the pool, and several belong together.
        if (access !== "read" || !session.direct || statements.length > 1 || asUser) {
          const frame = [begin, asUser ? turnToUsers(session) : turnToOurs];
          // What a user's query calls may write all the same: before PostgreSQL 16 a large object, a note to listeners.
          return (await session.run([...frame, ...statements, asUser ? rollback : commit])).slice(
            frame.length,
            -1,
          );
        }
        const first = isReadOnly ? [] : [setReadOnly];
        isReadOnly = true;
        return (await session.run([...first, ...statements])).slice(first.length);
      });
    } catch (error) {
      const failure = statementError(error, {
        statement,
        index: 0,
        url: url.display,
        lockHeld: lock.isHeld(),
      });
      throw await namePolicies(session, failure);
    }
  }

  async function namingPolicies<T>(work: Promise<T>): Promise<T> {
    return await work.catch(async (error) => {
      throw await namePolicies(session, error);
    });
  }

  function requireWritable(): void {
    if (access !== "read") return;
    throw new HarborError("read_only", `Cannot write "${url.display}": it was opened for reading only`);
  }

  /** @param required What {@link trustOf} says */
  async function trusted(required: Promise<void>): Promise<void> {
    await required.catch((error) => {
      throw statementError(error, { statement: "SELECT", url: url.display, lockHeld: lock.isHeld() });
    });
  }

  async function rowsOf<Row>(statement: Statement): Promise<Row[]> {
    const [result] = await readOnly([statement], statement.text);
    return [...(result?.rows ?? [])] as Row[];
  }

  async function read<Row>(statement: SQL): Promise<Row[]> {
    const compiled = compile(statement, session);
    if (compiled.readsTables) await trusted(trust.requireToLook());
    if (compiled.asUser) await trusted(trust.requireToRun(compiled.text));
    return await rowsOf<Row>(compiled);
  }

  /** A server works on for nobody, unless it looks whether there is somebody, or for how long it has. */
  async function readApart<Row>(statement: SQL, { signal, mostMs }: ReadLimits): Promise<Row[]> {
    const compiled = compile(statement, session);
    await trusted(trust.requireToLook());
    await trusted(trust.requireToRun(compiled.text));
    const limits = readLimits(url.settings, session.serverVersion, mostMs);
    const results = await unlessAsked(readOnly([limits, compiled], compiled.text), signal);
    return [...results[1]!.rows] as Row[];
  }

  return {
    dialect: "postgresql",
    url: url.display,
    schema: session.home,
    schemas: session.named,
    read,
    readApart,
    async findUnworkable(worked) {
      return await findUnworkable(worked, {
        read,
        readOnly: (texts) =>
          readOnly(
            texts.map((text) => ({ text: inPlace(text, session), parameters: [], asUser: true })),
            texts[0]!,
          ),
      });
    },
    async missingTypes(names) {
      return (await read<{ name: string }>(missingTypesQuery(names))).map(({ name }) => name);
    },
    notes: postgresChangeNotes({ read, place: session, largeRows, isThrowAway }),
    async write(batch, mode) {
      requireWritable();
      // Behind a pooler its settings would stay in the pool, unless the session is proven to be our own.
      if (session.direct) await protectOnce();
      const statements = batch.map((statement) => compile(statement, session));
      return await namingPolicies(writer.write(statements, mode));
    },
    async rehearse(batch) {
      requireWritable();
      if (session.direct) await protectOnce();
      const statements = batch.map((statement) => compile(statement, session));
      return readSnapshot(
        await namingPolicies(writer.rehearse(statements, introspection(session))),
        session.named,
      );
    },
    async withLock(work, options) {
      requireWritable();
      return await lock.withLock(work, options);
    },
    pace: (table) =>
      Promise.resolve({
        ...postgresPace(table, {
          place: session,
          lastBatch: () => lastBatch,
          read: async (statement) => (await rowsOf<never>(statement))[0],
        }),
        ...isThrowAway() ? hurry : {},
        pause: (ms, signal) => pauseFor(ms, signal, watcher),
      }),
    async watch(wanted, work) {
      const observer = await openSession(url, name);
      watcher = wanted;
      watch = watchLocks({
        pid: session.backendPid,
        place: session,
        watcher: wanted,
        observer: {
          ask: async (text) => (await runPinned(observer, [{ text, parameters: [] }]))[0]?.rows ?? [],
          hasEnded: observer.hasEnded,
          close: () => observer.close(false),
        },
      });
      try {
        return await work();
      } finally {
        const ended = watch;
        watcher = watch = null;
        await ended.stop();
      }
    },
    space: () => watch?.space() ?? Promise.resolve(null),
    // No server tells what its devices have left.
    room: () => Promise.resolve(null),
    readsBlockWriters: () => false,
    lockHolder: () => lock.holder(),
    requireOwnHands: (table) => trusted(trust.requireOwnHands(table)),
    async introspect(only) {
      const [found] = only === undefined
        ? await rowsOf<Occupation>({ text: occupation(session), parameters: [] })
        : [{ used: true, others: false }];
      const look = { only, others: found?.others === true };
      return readSnapshot(
        found?.used ? await readOnly(introspection(session, look), "SELECT … FROM pg_catalog") : [],
        session.named,
      );
    },
    async home() {
      try {
        const [row] = await rowsOf<{ home: string }>(ownNumber);
        return row?.home ?? null;
      } catch (error) {
        if (error instanceof HarborError && error.code === "read_only") return null;
        throw error;
      }
    },
    // What was written is committed, and the lock freed by a statement that was answered.
    close: () => session.close(false),
  };
}

/** A copy of the whole server keeps both numbers: nothing in it tells the two apart. */
const ownNumber: Statement = {
  text: "SELECT concat('cluster ', s.system_identifier, ' database ', d.oid) AS home " +
    "FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()",
  parameters: [],
};
const begin: Statement = { text: "BEGIN READ ONLY", parameters: [] };
const commit: Statement = { text: "COMMIT", parameters: [] };
const rollback: Statement = { text: "ROLLBACK", parameters: [] };
const setReadOnly: Statement = { text: "SET default_transaction_read_only = on", parameters: [] };
