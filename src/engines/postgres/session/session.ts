import type { Statement } from "./statement.ts";

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
  /** The schemas of their own that the history names, see `PostgresUrl.schemas`. */
  readonly named: readonly string[];
  /** Where the path finds harbor-db's version table; `null` when it finds none. */
  readonly versionSchema: string | null;
  /** The view that it finds where a table of our own should be; `null` when it finds none. */
  readonly ownView: string | null;
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
