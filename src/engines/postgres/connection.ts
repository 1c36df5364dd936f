import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { copyIn, copyOut, type CopySetting } from "./wire/copy_stream.ts";
import { endsSession, isSevered, SessionEnded } from "./errors.ts";
import { hearLastWords, type LastWords } from "./wire/session_end.ts";
import { dial, DialError, type Encryption } from "./wire/socket.ts";
import { firstSchema, pinSession, userPath } from "./search_path.ts";
import type { Statement } from "./statement.ts";
import { valueTypes } from "./wire/types.ts";

/** Rows, and what the server said that it did (`INSERT`, `CREATE TABLE`) to how many rows. */
export interface Result {
  readonly rows: readonly Record<string, unknown>[];
  readonly command: string;
  /** `null` for a command that counts nothing. */
  readonly count: number | null;
}

/**
 * One session with the server: one connection, which is never replaced by another when it ends, because the lock and
 * the transactions belong to it.
 */
export interface Session {
  /** `150004` is 15.4. */
  readonly serverVersion: number;
  /** Where the user's unqualified names are made; `null` when no schema of the search path exists. */
  readonly schema: string | null;
  /** The schema that the run works on: that one, and where there is none, the one in which it would be. */
  readonly home: string;
  /** Where the path finds harbor-db's version table; `null` when it finds none. */
  readonly versionSchema: string | null;
  /** The search path for statements of users; the session itself has another one, see `pinnedPath`. */
  readonly path: string;
  /** The server process that answered when the session began. */
  readonly backendPid: number;
  /** Whether that process itself greeted us; otherwise a pooler stands in between. */
  readonly direct: boolean;
  hasEnded(): boolean;
  /**
   * Runs statements one after the other, sent together; a transaction around them is theirs to make. Rejects with
   * the first failure, as postgres.js or the socket threw it.
   */
  run(statements: readonly Statement[]): Promise<readonly Result[]>;
  /** Runs a text of any number of statements, in one message. */
  script(text: string): Promise<void>;
  /**
   * Runs `COPY … TO STDOUT` and hands over what comes, in pieces that need not end where rows do, one after the other.
   * When `take` throws, the session is over.
   */
  copyOut(text: string, take: (piece: Uint8Array) => void | Promise<void>): Promise<void>;
  /** Runs `COPY … FROM STDIN` with the pieces of `data`. */
  copyIn(text: string, data: AsyncIterable<Uint8Array>): Promise<void>;
  /** Runs `work` when all earlier work is done, so that transactions do not mix on the one connection. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Runs `work`, which calls {@link run} once and at once, when all earlier exclusive work is done: a transaction that is
   * sent as a whole does not mix with another one that is.
   */
  shared<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Ends the session. What is under way is broken off: the server notices and rolls it back. A server that does not
   * answer is waited for no longer than a second.
   *
   * @param waits Whether to return only when the server has ended it, and not as soon as it was asked to
   */
  close(waits?: boolean): Promise<void>;
}

/** How {@link connect} reaches the server. */
export interface ConnectOptions {
  /** What `pg_stat_activity` shows as application name; the server cuts it at 63 bytes. */
  readonly name: string;
  readonly encryption: Encryption;
  /** Told as soon as the server has been reached. */
  readonly onDialed: (encrypted: boolean) => void;
}

/** For reaching the server, and again for its first answer, when the URL does not say. */
const connectTimeoutSeconds = 10;

/** What libpq means by 0, within what a timer can hold. */
const endlessSeconds = 86_400;

/**
 * A stranger's first question: which process answers, what it is, where names are made, and where our version table is.
 * Nothing is pinned yet, so each name and operator says whose it is.
 */
const introduction =
  "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version_num')::int AS version, " +
  "pg_catalog.current_schema() AS schema, pg_catalog.current_setting('search_path') AS path, " +
  "(SELECT n.nspname FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace " +
  "AND c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('harbor_version')) AS version_schema";

interface Introduction {
  readonly pid: number;
  readonly version: number;
  readonly schema: string | null;
  readonly path: string;
  readonly version_schema: string | null;
}

// Never the simple protocol: it would run a text that holds several statements. And no prepared statements, which a
// transaction pooler would lose.
const extended = { prepare: false, simple: false };

/** Opens a session in one way. Throws what postgres.js or the socket threw. */
export async function connect(
  url: PostgresUrl,
  { name, encryption, onDialed }: ConnectOptions,
): Promise<Session> {
  const timeoutSeconds = (url.connectTimeout ?? connectTimeoutSeconds) || endlessSeconds;
  const timeoutMs = timeoutSeconds * 1000;
  let socket: Socket | undefined;
  let lastWords: () => LastWords | undefined = () => undefined;
  let ended = false;
  let underWay = 0;
  // The server needs a moment to answer, in which postgres.js is loaded.
  const dialing = dial(url, encryption, timeoutMs).then((dialed) => {
    onDialed(dialed.encrypted);
    lastWords = hearLastWords(dialed.socket);
    // Until postgres.js listens, nobody else does.
    dialed.socket.on("error", () => {});
    return dialed.socket;
  });
  dialing.catch(() => {});
  const options = {
    host: url.host,
    port: url.port,
    database: url.database,
    user: url.user,
    password: url.password ?? "",
    // postgres.js asks for a socket whenever it wants to connect, so also to connect again. There is no again.
    socket: async () => {
      const isAgain = socket !== undefined;
      socket = await dialing;
      if (isAgain || socket.destroyed) throw new DialError("NOT_POSTGRES", "the server hung up");
      return socket;
    },
    ssl: false,
    max: 1,
    max_lifetime: 0,
    idle_timeout: 0,
    keep_alive: 30,
    connect_timeout: timeoutSeconds,
    prepare: false,
    fetch_types: false,
    no_subscribe: true,
    debug: false,
    types: valueTypes,
    onnotice: () => {},
    onclose: () => {
      ended = true;
    },
    // Only what poolers know. Other settings are made where they cannot leak into a pool.
    connection: { DateStyle: "ISO", ...url.settings, application_name: name },
  };
  const client = (await import("postgres")).default(options);

  async function send(statements: readonly Statement[]) {
    if (ended) throw new SessionEnded(lastWords());
    underWay++;
    const settled = await Promise.allSettled(
      statements.map(({ text, parameters, written }) => {
        const values = written === undefined ? [...parameters] as postgres.ParameterOrJSON<never>[] : [];
        return client.unsafe(written ?? text, values, extended).execute();
      }),
    );
    underWay--;
    const answers = [];
    for (const one of settled) {
      if (one.status === "rejected") {
        ended ||= endsSession(one.reason);
        throw isSevered(one.reason) && lastWords() ? new SessionEnded(lastWords()) : one.reason;
      }
      if (!Array.isArray(one.value)) {
        // A stream, of COPY FROM STDIN, which now waits for data. Nothing else can be said on this session.
        (one.value as Duplex).on("error", () => {});
        await close();
        throw new SessionEnded({ message: "COPY … FROM STDIN and TO STDOUT cannot be run here" });
      }
      answers.push(one.value);
    }
    return answers;
  }

  /** Does something else with postgres.js than {@link send}. */
  async function use(work: (setting: CopySetting) => Promise<unknown>): Promise<void> {
    if (ended || socket === undefined) throw new SessionEnded(lastWords());
    underWay++;
    try {
      await work({ client, socket });
    } catch (error) {
      ended ||= endsSession(error);
      throw isSevered(error) && lastWords() ? new SessionEnded(lastWords()) : error;
    } finally {
      underWay--;
    }
  }

  // Not postgres.js's own `end`, which waits out its whole timeout when the connection ends meanwhile.
  let closing: Promise<void> | undefined;
  function close(waits = true): Promise<void> {
    return closing ??= (async () => {
      const isOver = ended;
      ended = true;
      if (socket === undefined) return;
      if (!isOver && underWay === 0 && !socket.destroyed) {
        await sayGoodbye(socket, waits ? "close" : "finish");
      }
      socket.destroy();
    })();
  }

  const patience = new AbortController();
  const timeout = sleep(timeoutMs * 2, undefined, { signal: patience.signal }).then(() => {
    throw new DialError("ETIMEDOUT", `no answer within ${timeoutSeconds * 2} s`);
  });
  try {
    const [answer] = await Promise.race([send([{ text: introduction, parameters: [] }]), timeout]);
    const server = answer?.[0] as unknown as Introduction;
    const direct = server.pid === answer?.state?.pid;
    // Sent before anything else is, so it comes first; behind a pooler it would stay in the pool.
    const pinning: Promise<unknown> = direct ? send([pinSession]) : Promise.resolve();
    let isPinned = false;
    pinning.then(() => isPinned = true, () => {});
    // What runs on a session that is not pinned has no result.
    const pinned = async <T>(work: Promise<T>): Promise<T> => {
      work.catch(() => {});
      await pinning;
      return await work;
    };
    let lastExclusive: Promise<unknown> = Promise.resolve();
    let last = lastExclusive;
    return {
      serverVersion: server.version,
      schema: server.schema,
      home: server.schema ?? firstSchema(server.path),
      versionSchema: server.version_schema,
      path: userPath(server.path),
      backendPid: server.pid,
      direct,
      hasEnded: () => ended,
      run: async (statements) =>
        (await pinned(send(statements))).map((one) => ({
          rows: [...one],
          command: one.command,
          count: one.count,
        })),
      script: (text) => use(({ client }) => client.unsafe(text)),
      copyOut: (text, take) => use((setting) => copyOut(setting, text, take)),
      copyIn: (text, data) => use((setting) => copyIn(setting, text, data)),
      exclusive(work) {
        const result = last.then(work);
        last = lastExclusive = result.catch(() => {});
        return result;
      },
      shared(work) {
        const result = lastExclusive.then(work);
        last = Promise.all([last, result.catch(() => {})]);
        return result;
      },
      async close(waits) {
        // A server that does not answer is not waited for twice.
        if (!isPinned) await Promise.race([pinning.catch(() => {}), sleep(500, undefined, { ref: false })]);
        await close(waits);
      },
    };
  } catch (error) {
    await close();
    throw error;
  } finally {
    patience.abort();
  }
}

/** Protocol message `Terminate`. */
const terminate = Uint8Array.of(0x58, 0, 0, 0, 4);

/** Lets the server end the session in order, so that nothing is in its log; after `close`, the lock is free. */
async function sayGoodbye(socket: Socket, event: "close" | "finish"): Promise<void> {
  const patience = new AbortController();
  const closed = new Promise<void>((resolve) => socket.once(event, () => resolve()));
  socket.end(terminate);
  await Promise.race([closed, sleep(1_000, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
}
