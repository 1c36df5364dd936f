import { HarborError } from "../../base/errors.ts";
import { quoteText } from "../../sql/quote.ts";
import { anyAttachedQuery, anyGoneQuery, type Attached, attachedQuery } from "./catalogs/attached.ts";
import { inPlace, ownSchemas } from "./catalogs/place.ts";
import type { AdvisoryLock } from "./lock.ts";
import { sessionError, statementError } from "./session/errors.ts";
import { pinSession, turnToOurs } from "./session/search_path.ts";
import type { Result, Session } from "./session/session.ts";
import type { Statement } from "./session/statement.ts";
import type { Trust } from "./trust/trust.ts";

/** What {@link batchFrame} needs. */
export interface FrameSetting {
  readonly session: Session;
  readonly lock: AdvisoryLock;
  readonly trust: Trust;
  /** The address as it may be shown. */
  readonly url: string;
  /** The URL's own `lock_timeout`. */
  readonly lockTimeout: string | undefined;
}

/**
 * What a batch says to the server: its statements, and what harbor-db puts around them. Whatever fails is an error that names the
 * statement.
 */
export interface BatchFrame {
  /** Asks whether anything hangs on tables or indexes, as `used`. */
  readonly askAttached: Statement;
  /** Sets the timeout and asks whether the lock is still ours: in the transaction itself, or for the session. */
  guard(waitMs: number, local: boolean): Statement;
  /** @throws {HarborError} where the lock is not this process's any more, by the answer to {@link guard} */
  requireOwnProcess(answer: Result | undefined): void;
  /** @throws {HarborError} `untrusted_owner`, by the answer to `Trust.asked` */
  requireTrust(answer: Result | undefined, batch: Parameters<Trust["requireWithin"]>[1]): Promise<void>;
  /**
   * Runs a statement of the batch and returns how many rows it changed.
   * @param before Sets its path
   */
  element(statement: Statement, index: number, before: readonly Statement[]): Promise<number>;
  /** Runs what harbor-db adds around the batch. */
  around(statements: readonly Statement[]): Promise<readonly Result[]>;
  /** Commits; what a script changed for the session is as ours need it again. */
  commit(): Promise<void>;
  /** Reads what hangs on tables and indexes. */
  readAttached(): Promise<readonly Attached[]>;
  /** Says whether anything is gone on which something hung. */
  hasLost(attached: readonly Attached[]): Promise<boolean>;
  /** Reads the ids of tables and indexes, as {@link Attached} has them. */
  readStanding(): Promise<ReadonlySet<string>>;
  /** Runs what hangs something on what came in the place of another. */
  carry(texts: readonly string[]): Promise<void>;
}

/** Returns what the batches of a session say to the server. */
export function batchFrame({ session, lock, trust, url, lockTimeout }: FrameSetting): BatchFrame {
  async function readAttached(): Promise<readonly Attached[]> {
    const [, answer] = await around([turnToOurs, plain(inPlace(attachedQuery(ownSchemas), session))]);
    return (answer?.rows ?? []) as unknown as readonly Attached[];
  }

  async function hasLost(attached: readonly Attached[]): Promise<boolean> {
    const ids = new Set(attached.flatMap(({ id, aspect }) => aspect === null ? [] : [id]));
    if (ids.size === 0) return false;
    const [, answer] = await around([turnToOurs, plain(inPlace(anyGoneQuery(ids), session))]);
    return answer?.rows[0]?.["gone"] === true;
  }

  async function readStanding(): Promise<ReadonlySet<string>> {
    const [, answer] = await around([turnToOurs, plain(inPlace(standing, session))]);
    return new Set(answer?.rows.map((row) => String(row["id"])));
  }

  async function carry(texts: readonly string[]): Promise<void> {
    const text = texts.join(";\n");
    try {
      if (text !== "") await session.script(text);
    } catch (error) {
      throw failure(error, { statement: text });
    }
  }

  function guard(waitMs: number, local: boolean): Statement {
    const timeout = lockTimeout ?? `${waitMs}ms`;
    const held = lock.isHeld() ? lock.heldHere : "true";
    return plain(
      `SELECT set_config('lock_timeout', ${
        quoteText(timeout)
      }, ${local}), pg_backend_pid() AS pid, ${held} AS held`,
    );
  }

  function requireOwnProcess(answer: Result | undefined): void {
    const row = answer?.rows[0];
    if (!lock.isHeld() || (row?.["held"] === true && row["pid"] === session.backendPid)) return;
    throw sessionError(new Error("another server process answers"), { url, lockHeld: true });
  }

  async function requireTrust(
    answer: Result | undefined,
    batch: Parameters<Trust["requireWithin"]>[1],
  ): Promise<void> {
    try {
      await trust.requireWithin(answer?.rows[0] as never, batch);
    } catch (error) {
      throw failure(error, { statement: "LOCK TABLE" });
    }
  }

  async function element(
    statement: Statement,
    index: number,
    before: readonly Statement[],
  ): Promise<number> {
    try {
      const result = (await session.run([...before, statement])).at(-1);
      return result === undefined ? 0 : rowsChanged(result);
    } catch (error) {
      throw failure(error, { statement: statement.text, index });
    }
  }

  async function around(statements: readonly Statement[]): Promise<readonly Result[]> {
    try {
      return await session.run(statements);
    } catch (error) {
      throw failure(error, { statement: statements.at(-1)?.text ?? "" });
    }
  }

  async function commit(): Promise<void> {
    try {
      // A script may have changed for the session what ours rely on.
      await session.run([plain("COMMIT"), ...session.direct ? [pinSession] : []]);
    } catch (error) {
      const known = failure(error, { statement: "COMMIT" });
      if (!session.hasEnded()) throw known;
      throw known.with({
        state: `${known.state}; whether the last batch was committed is not known`,
        hint: "See how far it came: harbor-db status",
        details: { committed: "unknown" },
      });
    }
  }

  function failure(
    error: unknown,
    where: { readonly statement: string; readonly index?: number },
  ): HarborError {
    return statementError(error, { ...where, url, lockHeld: lock.isHeld() });
  }

  return {
    askAttached: plain(inPlace(anyAttachedQuery, session)),
    guard,
    requireOwnProcess,
    requireTrust,
    element,
    around,
    commit,
    readAttached,
    hasLost,
    readStanding,
    carry,
  };
}

const standing = `SELECT oid::text AS id FROM pg_class WHERE relnamespace = ${ownSchemas}`;

const counted: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE", "COPY"]);

function rowsChanged({ command, count }: Result): number {
  return counted.has(command) ? count ?? 0 : 0;
}

/** Returns a statement without parameters. */
export function plain(text: string): Statement {
  return { text, parameters: [] };
}
