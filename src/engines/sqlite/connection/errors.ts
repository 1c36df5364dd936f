import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { realPath } from "../../../base/files/real_path.ts";
import { foldName } from "../../../base/fold_name.ts";
import { formatBytes } from "../../../base/quantity.ts";
import { firstLine } from "../../../sql/first_line.ts";
import { type ErrorCode, HarborError } from "../../../base/errors.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";

/** Where in a batch the engine stopped. */
export interface FailurePlace {
  /** The address, as it may be shown. */
  readonly url: string;
  /** The file, where it is on this machine: an error of its device is judged by what is free there. */
  readonly path?: string | null | undefined;
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
  /** Whether it is the device's, which may be full. */
  readonly isOfDevice?: true;
}

const kinds: readonly Kind[] = [
  // Met at most starts. A replica puts words in front; a view or trigger that names a table that is gone is another matter.
  { code: "missing_table", words: /^(?!.*error in (?:view|trigger|index) )(?:.*: ?)?[`'"]?no such table:/i },
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
  { code: "statement_failed", results: [10], words: /disk I\/O error/i, isOfDevice: true },
  {
    code: "read_only",
    results: [8, 3],
    words: /readonly database|access permission denied/i,
    hint: "Run as a user that may write the file and its folder, on a file system that may be written.",
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
  { code: "dangling_reference", words: /FOREIGN KEY constraint failed/i },
];

/** Returns the kind of a failure by SQLite's result code (extended or not) or, without one, by its message. */
export function failureCode(message: string, result?: number): ErrorCode {
  return kindOf(message, result)?.code ?? "statement_failed";
}

/** What a failure is, and what to do about it. */
export interface Judgement {
  readonly code: ErrorCode;
  /** `undefined` where that depends on the statement. */
  readonly hint: string | undefined;
  /** The folder whose device was seen to be full. */
  readonly fullFolder?: string;
}

/**
 * Returns the kind of a failure as {@link failureCode} does, with the remedy.
 *
 * @param paths The files that were used, on whose devices there may be no room
 */
export function judgeFailure(
  message: string,
  result: number | undefined,
  paths: readonly string[],
): Judgement {
  const kind = kindOf(message, result);
  if (kind?.isOfDevice && paths.length > 0) return judgeDevices(paths);
  return { code: kind?.code ?? "statement_failed", hint: kind?.hint };
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
  const { url, path, statement, index } = place;
  const { code, hint } = judgeFailure(message, result, typeof path === "string" ? [path] : []);
  const where = statement === undefined ? `use "${url}"` : `run "${firstLine(statement)}"`;
  const isLibsqls = /near "TO": syntax error/i.test(message) && libsqlsOwn.test(statement ?? "");
  return new HarborError(code, `Cannot ${where}`, {
    state: message,
    hint: hint ?? (isLibsqls ? libsqlsHint : undefined),
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

/** What SQLite maps at once of what it keeps in memory beside a file in WAL mode. Source: https://www.sqlite.org/walformat.html */
const sharedBytes = 32_768;

/**
 * Says what is behind an error of a device, as far as can be seen. Where one is full, SQLite has no other word for what it cannot
 * make beside a file in WAL mode, without which nobody can even read it.
 */
function judgeDevices(paths: readonly string[]): Judgement {
  // Our own files are reached through folders that are open.
  const devices = [...new Set(paths.map((path) => realPath(dirname(path))))].map((folder) => ({
    folder,
    free: freeOf(folder),
  }));
  const full = devices.find(({ free }) => free !== null && free < sharedBytes);
  if (full !== undefined) {
    return {
      code: "disk_full",
      fullFolder: full.folder,
      hint: `Free some space on the device of "${full.folder}": ${
        formatBytes(full.free!)
      } are free, and SQLite needs room there, in WAL mode to read as well.`,
    };
  }
  const seen = devices.map(({ folder, free }) =>
    free === null
      ? `what is free on the device of "${folder}" cannot be seen`
      : `${formatBytes(free)} are free on the device of "${folder}"`
  );
  return {
    code: "statement_failed",
    hint: `Look for a failing disk, and for a quota of this user's: dmesg; quota. ${seen.join(", ")}.`,
  };
}

/** Returns how many bytes are free on a folder's device; `null` where the file system does not tell. */
function freeOf(folder: string): number | null {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder);
    return blocks === 0 ? null : bavail * bsize;
  } catch {
    return null;
  }
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
