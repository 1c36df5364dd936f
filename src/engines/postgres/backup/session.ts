import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { type ErrorCode, HarborError, messageOf } from "../../../base/errors.ts";
import { quoteText } from "../../../sql/quote.ts";
import type { Client } from "../../database.ts";
import { isNoSpace } from "../../../base/files/limit_remedy.ts";
import type { Session } from "../session/session.ts";
import { sqlStateOf, statementError, wordsOf } from "../session/errors.ts";
import { applicationName } from "../lock.ts";
import { pinnedPath, requireOneSchema } from "../session/search_path.ts";
import { openSession, setSessionTimeouts } from "../session/open_session.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/** A thing that a backup engine does with a PostgreSQL database. */
export interface BackupTask {
  readonly url: PostgresUrl;
  readonly client: Client;
  readonly signal: AbortSignal;
  /** For messages. */
  readonly verb: "copy" | "prove a copy of" | "restore" | "examine";
}

/**
 * Runs `work` with a session of its own. When the user asks to stop, the session is closed under it.
 *
 * @throws {HarborError} See {@link taskFailure}
 */
export async function withBackupSession<T>(
  task: BackupTask,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { url, client, signal } = task;
  try {
    stopBackupIfAsked(signal);
    const session = await openSession(url, applicationName(client));
    const stop = () => void session.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      requireOneSchema(session, url.display);
      // Behind a pooler what it sets would stay there.
      if (session.direct) await setSessionTimeouts(session);
      return await work(session);
    } finally {
      signal.removeEventListener("abort", stop);
      await session.close();
    }
  } catch (error) {
    throw taskFailure(task, error);
  }
}

/** How {@link inTransaction} begins. */
export interface Beginning {
  /** `snapshot` reads one state of the database, that of its beginning. */
  readonly mode: "snapshot" | "write";
  /** Statements that run before the state is fixed, each ending with `;`. */
  readonly first?: string;
}

/**
 * Runs `work` in one transaction with the settings under which rows and definitions have one spelling, whatever the
 * role, the database or the server is set to. Commits when it is done, and takes all back when it fails.
 */
export async function inTransaction<T>(
  session: Session,
  { mode, first = "" }: Beginning,
  work: () => Promise<T>,
): Promise<T> {
  const kind = mode === "snapshot" ? "REPEATABLE READ, READ ONLY" : "READ COMMITTED, READ WRITE";
  await session.script(
    `BEGIN ISOLATION LEVEL ${kind}; SET LOCAL search_path = ${pinnedPath}; SET LOCAL lock_timeout = ${lockTimeoutMs};
    ${first} ${pinSettings(mode)}`,
  );
  try {
    const result = await work();
    await session.script("COMMIT").catch((error) => {
      throw mode === "write" && session.hasEnded() ? unknownOutcome(error) : error;
    });
    return result;
  } catch (error) {
    if (!session.hasEnded()) await session.script("ROLLBACK").catch(() => {});
    throw error;
  }
}

function unknownOutcome(cause: unknown): HarborError {
  const state = "the connection ended before the server did; whether it is committed, is not known";
  return new HarborError("connection_failed", `Cannot confirm "the restore": ${state}`, {
    hint: "See at which revision the database is: harbor-db status",
    details: { committed: "unknown" },
    cause,
  });
}

/** How long a lock of somebody else is waited for. Meanwhile all who come later wait behind us. */
export const lockTimeoutMs = 20_000;

const settings: Readonly<Record<string, string>> = {
  // What the text of values depends on, as pg_dump has it. lc_monetary stays as it is, for pg_dump leaves it alone.
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  extra_float_digits: "3",
  bytea_output: "hex",
  client_encoding: "UTF8",
  // Definitions are read and run by one spelling of backslashes, NULLs in arrays and comparisons with NULL.
  standard_conforming_strings: "on",
  array_nulls: "on",
  transform_null_equals: "off",
  xmloption: "content",
  quote_all_identifiers: "off",
  // Otherwise rows that a policy hides would be missing without a word.
  row_security: "off",
  // Large tables are read from their beginning, as pg_dump reads them.
  synchronize_seqscans: "off",
  check_function_bodies: "off",
  client_min_messages: "warning",
  // As in all of our own sessions; behind a pooler this one is not pinned.
  jit: "off",
  default_tablespace: "",
  default_table_access_method: "heap",
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  transaction_timeout: "0",
  // Last, since the view pg_settings is looked up by it: names in definitions are then qualified.
  search_path: "",
};

/**
 * While rows are read: whoever puts a view in the place of a sequence or table that was just listed gets nothing of it
 * run. As pg_dump does since CVE-2024-7348.
 */
const readingSettings: Readonly<Record<string, string>> = {
  restrict_nonsystem_relation_kind: "view, foreign-table",
};

/** For as long as the transaction. Servers know some of them only since a later version. */
function pinSettings(mode: Beginning["mode"]): string {
  const wanted = { ...mode === "snapshot" ? readingSettings : {}, ...settings };
  return `SELECT set_config(wanted.name, value, true) FROM (VALUES ${
    Object.entries(wanted).map(([name, value]) => `(${quoteText(name)}, ${quoteText(value)})`).join(", ")
  }) AS wanted (name, value) JOIN pg_settings s ON lower(s.name) = lower(wanted.name)`;
}

/** Runs queries that need no transaction. Behind a pooler, where the session is not pinned, they get one all the same. */
export async function aside<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return session.direct ? await work() : await inTransaction(session, { mode: "snapshot" }, work);
}

/** Runs one query and returns its rows. */
export async function query<Row>(session: Session, text: string): Promise<readonly Row[]> {
  const [result] = await session.run([{ text, parameters: [] }]);
  return (result?.rows ?? []) as unknown as readonly Row[];
}

const ownCodes: ReadonlySet<ErrorCode> = new Set(["connection_failed", "disk_full", "busy"]);

/** Returns the error of a task, whoever threw: the server, the system, a client program. */
export function taskFailure({ url, signal, verb }: BackupTask, error: unknown): HarborError {
  // Asked to stop, or not: what may be committed is not as it was.
  if (error instanceof HarborError && error.details.committed !== undefined) return error;
  if (signal.aborted) {
    try {
      stopBackupIfAsked(signal);
    } catch (stopped) {
      return stopped as HarborError;
    }
  }
  if (error instanceof HarborError) return error;
  if (isOfFile(error)) return fileFailure(error);
  const known = statementError(error, { statement: "", url: url.display, lockHeld: false });
  const code = ownCodes.has(known.code) ? known.code : "backup_failed";
  const { sqlState, table } = known.details;
  const ofPath = pathHint(error);
  return new HarborError(code, `Cannot ${verb} "${url.display}"`, {
    state: wordsOf(error),
    hint: hints[known.code] ?? ofPath ?? known.hint ?? "The database is as it was.",
    details: {
      ...(sqlState === undefined ? {} : { sqlState }),
      ...(table === undefined ? {} : { table }),
      ...(isUndefined(error) && ofPath === undefined ? { isLacking: true } : {}),
    },
    cause: error,
  });
}

/** Whether an error says that there is no such thing, which may be in the database and outside of the copy. */
export function isUndefined(error: unknown): boolean {
  return [
    "42704", // undefined_object: a type, an operator class, a role
    "42883", // undefined_function
    "42P01", // undefined_table: of another schema
    "3F000", // invalid_schema_name
  ].includes(sqlStateOf(error) ?? "");
}

/** A copy is restored with nothing on the path, as pg_restore does it. */
function pathHint(error: unknown): string | undefined {
  const where = (error as { readonly where?: unknown })?.where;
  const [, name] = /function (".+?"|[^\s(]+\(.*?\))/.exec(typeof where === "string" ? where : "") ?? [];
  if (name === undefined || !/^42(704|883|P01)$/.test((error as { readonly code?: string }).code ?? "")) {
    return;
  }
  return `The function ${name} names things without their schema, and a copy is restored with an empty search_path. ` +
    `Give it one: ALTER FUNCTION ${name} SET search_path = …; or name the schema in it. The database is as it was.`;
}

/** What to do where a copy cannot be restored since rows of the database refer to nothing. */
export const danglingHint =
  "Rows refer to nothing, as after DISABLE TRIGGER ALL; this names them: harbor-db verify --only data. The database is as it was.";

const hints: Partial<Readonly<Record<ErrorCode, string>>> = {
  busy: "Other sessions use the tables. Stop the application, then run the same command again.",
  connection_failed: "The database is as it was. Run the same command again when the server can be reached.",
  dangling_reference: danglingHint,
};

/** Whether the file of a copy failed, and not the connection, whose errors look much the same. */
function isOfFile(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && ("path" in error && "errno" in error || isNoSpace(error));
}

function fileFailure(error: NodeJS.ErrnoException): HarborError {
  if (isNoSpace(error)) {
    return new HarborError("disk_full", `Cannot write "${error.path ?? "the copy"}": ${messageOf(error)}`, {
      hint: "Free some space, or put backups on another device: --backup-dir <dir>",
      cause: error,
    });
  }
  return new HarborError("file_failed", `Cannot use "${error.path}": ${messageOf(error)}`, {
    hint: "The database is as it was.",
    cause: error,
  });
}
