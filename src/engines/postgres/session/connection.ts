import { ownViewQuery } from "./own_views.ts";
import type { Session } from "./session.ts";
import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { copyIn, copyOut, type CopySetting } from "../wire/copy_stream.ts";
import { endsSession, isSevered, SessionEnded } from "./errors.ts";
import { listenForSessionEnd, type SessionEnd } from "../wire/session_end.ts";
import { refuseNonsense, strangeSpeech } from "../wire/sane_messages.ts";
import { dial, DialError, type Encryption } from "../wire/socket.ts";
import { firstSchema, liftLimits, pinSession, userPath } from "./search_path.ts";
import type { Statement } from "./statement.ts";
import { valueTypes } from "../wire/types.ts";

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
 * A stranger's first question: which process answers, what it is, where names are made, where our version table is, and what is no table of ours.
 * Nothing is pinned yet, so each name and operator says whose it is.
 */
const introduction =
  "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version_num')::int AS version, " +
  "pg_catalog.current_schema() AS schema, pg_catalog.current_setting('search_path') AS path, " +
  "(SELECT n.nspname FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace " +
  "AND c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('harbor_version')) AS version_schema, " +
  `(${ownViewQuery}) AS own_view`;

interface Introduction {
  readonly pid: number;
  readonly version: number;
  readonly schema: string | null;
  readonly path: string;
  readonly version_schema: string | null;
  readonly own_view: string | null;
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
  let lastWords: () => SessionEnd | undefined = () => undefined;
  let broken: Error | undefined;
  let ended = false;
  let underWay = 0;
  // The server needs a moment to answer, in which postgres.js is loaded.
  const dialing = dial(url, encryption, timeoutMs).then((dialed) => {
    onDialed(dialed.encrypted);
    refuseNonsense(dialed.socket);
    lastWords = listenForSessionEnd(dialed.socket);
    // Until postgres.js listens, nobody else does.
    dialed.socket.on("error", (error) => broken = error);
    dialed.socket.once("close", () => {
      ended = true;
      // When what postgres.js rejects has been heard.
      setTimeout(() => waiting.forEach((giveUp) => giveUp()), 0);
    });
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
      if (broken instanceof DialError) throw broken;
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

  const waiting = new Set<() => void>();

  /** Waits for an answer, or the end of the connection, of which postgres.js need not tell everybody. */
  function answerOf<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(new SessionEnded(lastWords()));
      waiting.add(giveUp);
      work.then(resolve, reject).finally(() => waiting.delete(giveUp));
    });
  }

  async function send(statements: readonly Statement[]) {
    if (ended) throw new SessionEnded(lastWords());
    underWay++;
    const settled = await answerOf(Promise.allSettled(
      statements.map(({ text, parameters, written }) => {
        const values = written === undefined ? [...parameters] as postgres.ParameterOrJSON<never>[] : [];
        return client.unsafe(written ?? text, values, extended).execute();
      }),
    )).finally(() => underWay--);
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
      await answerOf(work({ client, socket }));
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
    const server = answer?.[0] as unknown as Introduction | undefined;
    if (typeof server?.version !== "number" || typeof server.path !== "string") throw strangeSpeech();
    const direct = server.pid === answer?.state?.pid;
    // Sent before anything else is, so it comes first; behind a pooler it would stay in the pool.
    const pinning: Promise<unknown> = direct
      ? send([pinSession, liftLimits(url.settings, server.version)])
      : Promise.resolve();
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
      named: url.schemas ?? [],
      versionSchema: server.version_schema,
      ownView: server.own_view,
      path: userPath(server.path),
      backendPid: server.pid,
      direct,
      hasEnded: () => ended,
      run: async (statements) =>
        (await pinned(send(statements))).map((one) => ({
          // postgres.js counts on after a statement that failed behind some rows: what is not there is passed over.
          rows: one.filter(() => true),
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
