import { foldName } from "../../base/fold_name.ts";
import { firstLine } from "../../sql/first_line.ts";
import { type ErrorCode, HarborError } from "../../base/errors.ts";
import { foldedName, tokensOf } from "../../sql/cursor.ts";

/** Where in a batch the engine stopped. */
export interface FailurePlace {
  /** The address, as it may be shown. */
  readonly url: string;
  /** The statement's text; `undefined` for what the driver does on its own (BEGIN, COMMIT). */
  readonly statement?: string | undefined;
  /** The statement's place in the batch. */
  readonly index?: number | undefined;
}

/** One kind of failure: how it is recognised and what to say about it. */
interface Kind {
  readonly code: ErrorCode;
  /** Primary result codes (https://www.sqlite.org/rescode.html). */
  readonly results?: readonly number[];
  /** SQLite's own words: servers pass no result code on, nor does every runtime. */
  readonly words: RegExp;
  readonly hint?: string;
}

const kinds: readonly Kind[] = [
  {
    code: "busy",
    results: [5, 6],
    words: /database (table )?is locked|SQLITE_BUSY/i,
    hint: "Another program holds the database's write lock: end its transaction, or try again.",
  },
  {
    code: "disk_full",
    results: [13],
    words: /database or disk is full/i,
    hint: "Free some space on the device and run the command again; nothing of this batch was kept.",
  },
  {
    code: "read_only",
    results: [8, 3],
    words: /readonly database|access permission denied/i,
    hint: "Run as the user that owns the database, which must be able to write the file and its folder.",
  },
  {
    code: "not_a_database",
    results: [26, 11],
    words: /file is not a database|disk image is malformed|malformed database schema/i,
    hint:
      "Check the path. If it was a database, and is damaged: harbor-db backup list, then harbor-db restore <backup>",
  },
  {
    code: "connection_failed",
    results: [14],
    words: /unable to open database file/i,
    hint: "Check that the file and its folder exist and that this user can read and write both.",
  },
  // A replica puts words in front; a view or trigger that names a table that is gone is another matter.
  { code: "missing_table", words: /^(?!.*error in (?:view|trigger|index) )(?:.*: ?)?[`'"]?no such table:/i },
  { code: "dangling_reference", words: /FOREIGN KEY constraint failed/i },
];

/** Returns the kind of a failure by SQLite's result code (extended or not) or, without one, by its message. */
export function failureCode(message: string, result?: number): ErrorCode {
  return kindOf(message, result)?.code ?? "statement_failed";
}

/** Returns what to do about a failure; `undefined` where that depends on the statement. */
export function failureHint(message: string, result?: number): string | undefined {
  return kindOf(message, result)?.hint;
}

/**
 * Turns what the engine said into a {@link HarborError}.
 *
 * @param result SQLite's result code where the runtime gives it
 */
export function failure(
  place: FailurePlace,
  message: string,
  { result, cause }: { readonly result?: number | undefined; readonly cause?: unknown } = {},
): HarborError {
  const { url, statement, index } = place;
  const kind = kindOf(message, result);
  const where = statement === undefined ? `use "${url}"` : `run "${firstLine(statement)}"`;
  const isLibsqls = /near "TO": syntax error/i.test(message) && libsqlsOwn.test(statement ?? "");
  return new HarborError(kind?.code ?? "statement_failed", `Cannot ${where}`, {
    state: message,
    hint: kind?.hint ?? (isLibsqls ? libsqlsHint : undefined),
    details: {
      ...(isLibsqls ? { isLibsqls } : {}),
      ...(statement === undefined ? {} : { statement }),
      ...(index === undefined ? {} : { index }),
    },
    cause,
  });
}

/**
 * What drizzle-kit writes for Turso, and libSQL alone takes:
 * https://github.com/tursodatabase/libsql/blob/main/libsql-sqlite3/doc/libsql_extensions.md
 */
const libsqlsOwn = /^\s*ALTER\s+TABLE\b.+\bALTER\s+COLUMN\b.+\bTO\b/is;

const libsqlsHint =
  "ALTER COLUMN … TO is libSQL's own, and SQLite does not take it: such a history needs a libSQL server (libsql://, http://).";

/** Returns the error for a batch that would leave rows which refer to nothing. */
export function danglingFailure(url: string, references: string): HarborError {
  return new HarborError(
    "dangling_reference",
    `Cannot commit to "${url}": rows would refer to nothing (${references})`,
    { hint: "Nothing was changed. Keep or remove the rows that refer to what the script removes." },
  );
}

/** Returns the error for a copy that would give each row the name of a column that is not there. */
export function missedFailure(place: FailurePlace, names: string): HarborError {
  const error = failure(place, `its table has no ${names}, and SQLite would write that name into every row`);
  return new HarborError(error.code, error.message, {
    hint: `Take ${names} out of both lists of the statement: the new column then has its default, or NULL.`,
    details: error.details,
  });
}

function kindOf(message: string, result: number | undefined): Kind | undefined {
  const primary = result === undefined ? undefined : result & 0xff;
  return kinds.find((kind) =>
    (primary !== undefined && kind.results?.includes(primary)) || kind.words.test(message)
  );
}

/** Something that a database uses and SQLite does not have: its application brings it. */
export interface ForeignPart {
  readonly kind: "collation" | "function";
  readonly name: string;
}

/** Returns what SQLite misses, by its own words; `null` when they say something else. */
export function foreignPart(message: string): ForeignPart | null {
  const collation = /no such collation sequence: (.+?)$/m.exec(message)?.[1];
  if (collation !== undefined) return { kind: "collation", name: collation };
  const name = /(?:no such|unknown) function: ([^\s()]+)/.exec(message)?.[1];
  return name === undefined ? null : { kind: "function", name };
}

/** Reads the text of everything in a database, for {@link foreignPartError}. */
export const definitionsQuery =
  'SELECT tbl_name AS "table", sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid';

/**
 * Returns the error for a table that only the application itself can read.
 *
 * @param what What cannot be done: `prove "copy"`
 */
export function foreignPartError(
  what: string,
  { kind, name }: ForeignPart,
  definitions: readonly { readonly table: string; readonly sql: string }[],
): HarborError {
  const users = definitions.filter(({ sql }) =>
    tokensOf(sql, "sqlite").some((token) => foldedName(token, "sqlite") === foldName(name))
  ).map(({ table }) => table);
  const tables = [...new Set(users)];
  return new HarborError(
    "statement_failed",
    `Cannot ${what}: ${
      tables.length === 0 ? "something in it" : `the table ${tables.join(", ")}`
    } uses the ${kind} ${name}, which its application brings and SQLite does not have`,
    {
      hint:
        `Nothing is damaged by that. Keep such a table in a file of its own, or make it again without the ${kind} ${name}.`,
      details: { [kind]: name, tables },
    },
  );
}
