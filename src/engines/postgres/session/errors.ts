import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { type ErrorCode, HarborError } from "../../../base/errors.ts";
import { hideSecrets } from "../../../base/secrets/hide_secrets.ts";
import type { SessionEnd } from "../wire/session_end.ts";
import { DialError } from "../wire/socket.ts";
import { connectionHint } from "./hints.ts";
import { isServerError } from "../wire/server_error.ts";
import { excerpt } from "./statement.ts";

/** Thrown by a session that is over. */
export class SessionEnded extends Error {
  readonly sqlState: string | undefined;

  constructor({ message, sqlState }: Partial<SessionEnd> = {}) {
    super(message ?? "the connection has ended");
    this.sqlState = sqlState;
  }
}

/** The five characters that name what went wrong: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof SessionEnded) return error.sqlState;
  return isServerError(error) ? error.code : undefined;
}

/** Whether nothing more can be said on the session after this failure. */
export function endsSession(error: unknown): boolean {
  if (isServerError(error)) return /^(FATAL|PANIC)$/.test(error.severity);
  return error instanceof SessionEnded || isSevered(error);
}

/** Whether the connection failed, and not what was said on it: an error of the socket, or postgres.js's about it. */
export function isSevered(error: unknown): boolean {
  if (error instanceof DialError) return true;
  if (!(error instanceof Error) || isServerError(error)) return false;
  // Of a socket that the other side has ended just now there is a code alone.
  return "errno" in error || "syscall" in error || ("code" in error && error.code === "EPIPE");
}

/** Returns the error of not getting a session. */
export function connectionError(error: unknown, url: PostgresUrl): HarborError {
  if (error instanceof HarborError) return error;
  const { host, port, database, user } = url;
  const sqlState = sqlStateOf(error);
  const hint = connectionHint(error, url);
  return new HarborError("connection_failed", `Cannot connect to "${url.display}": ${wordsOf(error)}`, {
    hint,
    details: { host, port, database, user, ...(sqlState === undefined ? {} : { sqlState }) },
  });
}

/** Where a statement failed. */
export interface Failed {
  readonly statement: string;
  /** Its place in the batch; `undefined` for what the driver itself sent around the batch. */
  readonly index?: number;
  /** The address as it may be shown. */
  readonly url: string;
  readonly lockHeld: boolean;
}

/**
 * Returns the error of a statement that failed. The server's `DETAIL` is left out on purpose: it quotes rows, so it
 * may hold personal data.
 */
export function statementError(error: unknown, failed: Failed): HarborError {
  if (error instanceof HarborError) return error;
  const { statement, index, url, lockHeld } = failed;
  if (endsSession(error)) return sessionError(error, { url, lockHeld });
  const thrown = isServerError(error) ? error : undefined;
  const sqlState = thrown?.code;
  const hint = statementHint(sqlState, { ...said(thrown), statement }) ?? thrown?.hint;
  return new HarborError(codeOf(sqlState), `Cannot run "${excerpt(statement)}"`, {
    state: wordsOf(error),
    hint,
    details: withoutGaps({
      statement,
      index,
      sqlState,
      // Of the text as the server had it.
      position: thrown?.position === undefined || hideSecrets(statement) !== statement
        ? undefined
        : Number(thrown.position),
      table: thrown?.table_name,
      column: thrown?.column_name,
      constraint: thrown?.constraint_name,
    }),
  });
}

/** Returns the error of a session that ended: `lock_lost` when the lock ended with it. */
export function sessionError(
  error: unknown,
  { url, lockHeld }: Pick<Failed, "url" | "lockHeld">,
): HarborError {
  const sqlState = sqlStateOf(error);
  const details = sqlState === undefined ? {} : { sqlState };
  if (!lockHeld) {
    return new HarborError("connection_failed", `Cannot use "${url}": ${wordsOf(error)}`, {
      hint: "Nothing of the unfinished batch was kept. Run the command again.",
      details,
    });
  }
  return new HarborError("lock_lost", `Cannot use "${url}": ${wordsOf(error)}, and the lock with it`, {
    hint: "Nothing of the unfinished batch was kept. Run the command again.",
    details,
  });
}

const codes: Readonly<Record<string, ErrorCode>> = {
  "42P01": "missing_table",
  "53100": "disk_full",
  "25006": "read_only",
  "42501": "read_only",
  "55P03": "busy",
  "23503": "dangling_reference",
};

function codeOf(sqlState: string | undefined): ErrorCode {
  return codes[sqlState ?? ""] ?? "statement_failed";
}

function said(thrown: { readonly message: string; readonly detail?: string | undefined } | undefined) {
  return thrown === undefined ? {} : { message: thrown.message, detail: thrown.detail };
}

/** What depends on what should go: of these failures the detail names objects and no rows. */
function inTheWay(detail: string | undefined): string {
  const [first, ...more] = (detail ?? "").split("\n").filter((line) => line !== "");
  if (first === undefined) return "";
  return `In the way: ${first}${more.length === 0 ? "" : `, and ${more.length} more`}. `;
}

/** Returns what to do; ours goes before the server's, which would have people drop with CASCADE what is not theirs. */
function statementHint(
  sqlState: string | undefined,
  { message = "", detail, statement }: { message?: string; detail?: string | undefined; statement: string },
): string | undefined {
  const [, schema] = /^\s*CREATE\s+SCHEMA\s+("(?:[^"]|"")+"|\w+)/i.exec(statement) ?? [];
  const [, role] = /^\s*CREATE\s+(?:ROLE|USER|GROUP)\s+(("(?:[^"]|"")+"|\w+)[^;]*)/i.exec(statement) ?? [];
  switch (sqlState) {
    case "2BP01":
      return `${
        inTheWay(detail)
      }Drop or move by name what no revision made, then run the command again; CASCADE would take along whatever is there.`;
    case "42P06":
      return schema === undefined
        ? undefined
        : `It was there before. Where what is in it is this history's: harbor-db adopt. Where it is empty: DROP SCHEMA ${schema}; then run the command again.`;
    case "42710":
      return role === undefined
        ? undefined
        : `All databases of the server have it. Where it is the one that is meant, let the script take it as it is: DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$; and accept the edit: harbor-db check --prove --accept-edits`;
    case "42501":
      return "Connect as the role that owns the tables, or give this role the right.";
    case "25006":
      return "Connect to the primary server as a role whose default_transaction_read_only is off.";
    case "53100":
      return "Free space on the server, then run the command again.";
    case "3F000":
      if (namesSchema(message, statement)) {
        return "Create that schema, or connect to the database that has it; another search path does not matter, since the statement names it.";
      }
      return "Create that schema, or name another one in the database URL: ?options=-csearch_path%3Dpublic";
    case "57014":
      return message.includes("statement timeout")
        ? "Give it more time in the database URL: ?options=-cstatement_timeout=0"
        : undefined;
    default:
      return undefined;
  }
}

/** Whether the schema that there is none of stands in the statement itself. */
function namesSchema(message: string, statement: string): boolean {
  const [, name] = /"(.+)"/.exec(message) ?? [];
  return name !== undefined && [`${name}.`, `"${name}".`].some((each) => statement.includes(each));
}

/**
 * Reads JSON that the server was asked for.
 *
 * @throws {HarborError} `not_a_database` when it answered something else
 */
export function readJson<T>(text: unknown): T {
  try {
    return JSON.parse(String(text));
  } catch (cause) {
    throw new HarborError("not_a_database", 'Cannot read "the catalogs"', {
      state: "the server answered something else than it was asked for",
      hint: "Does something stand between harbor-db and PostgreSQL that changes what it says?",
      cause,
    });
  }
}

/** What the server or the system said, in one line. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries every address of a name and reports them as one error without a message.
  const said = error instanceof AggregateError && error.message === "" ? error.errors[0] : error;
  const words = said instanceof Error ? said.message : String(said);
  return hideSecrets(words).replaceAll(/\s*\n\s*/g, "; ")
    .replace(/^write CONNECTION_\w+ .*$/, "the connection has ended")
    .replace(/^write CONNECT_TIMEOUT .*$/, "no answer in time");
}

function withoutGaps(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
