import { hiderOf, hideSecrets } from "./secrets/hide_secrets.ts";

/**
 * What went wrong, as a program tells it apart. Each code has one exit code,
 * in {@link exitCodeOf}, and nowhere else.
 */
const exitCodes = {
  /** A defect in harbor-db itself. */
  internal: 1,
  /** The engine rejected a statement. */
  statement_failed: 1,
  /** The server or the file cannot be reached or opened. */
  connection_failed: 1,
  /** The file exists and is not a database, or is damaged. */
  not_a_database: 1,
  /** The file, folder or role allows reading only. */
  read_only: 1,
  /** No space is left on the device. */
  disk_full: 1,
  /** Another process held the database's own write lock for too long. */
  busy: 1,
  /** The table asked for does not exist. */
  missing_table: 1,
  /** A batch would have left a row that refers to nothing. */
  dangling_reference: 1,
  /** The lock was lost (its session ended, or another took it over). */
  lock_lost: 1,
  /** A file of the project cannot be read or written. */
  file_failed: 1,
  /** No backup could be made or proven, so nothing was changed. */
  backup_failed: 1,
  /** A backup was made and stands, and could not be brought where it was to go. */
  delivery_failed: 1,
  /** A command of the operator's ended badly. */
  command_failed: 1,
  /** The application did not answer as a healthy one. */
  unhealthy: 1,
  /** A bucket cannot be reached, or refuses what is asked of it. */
  bucket_failed: 1,
  /** A script does not do what its revision's snapshot says. */
  not_proven: 1,
  /** A check could not be made. */
  check_failed: 1,
  /** A plan could not be rehearsed, or failed when it was. */
  rehearsal_failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** An option's value, the environment or the database URL is wrong. */
  bad_config: 2,
  /** The history on disk is missing, incomplete or contradicts itself. */
  bad_history: 2,
  /** A revision's script cannot be split or has a directive that is not known. */
  bad_script: 2,
  /** schema.ts cannot be loaded, or says something that cannot be done. */
  bad_schema: 2,
  /** No revision has that name. */
  unknown_target: 2,
  /** More than one revision has that prefix. */
  ambiguous_target: 2,
  /** No backup has that name, or more than one. */
  unknown_backup: 2,
  /** Nothing is kept under that number. */
  unknown_kept: 2,
  /** The target lies the other way; another command goes there. */
  wrong_direction: 2,
  /** Something needs attention: pending revisions, changes, failed findings. */
  attention: 3,
  /** An applied revision's script was edited. */
  checksum_mismatch: 4,
  /** The applied revisions have a gap. */
  out_of_order: 4,
  /** The database has a revision that the history does not have. */
  missing_revision: 4,
  /** A revision stopped half way and the command asked for cannot go on from there. */
  unfinished: 4,
  /** A revision has no way back. */
  irreversible: 4,
  /** The database has tables and no version table. */
  unmanaged: 4,
  /** The schema is not what its label says. */
  schema_mismatch: 4,
  /** Rows break a rule of the schema that is to be put over them. */
  data_conflict: 4,
  /** The role has rights that the owner of the schema lacks, and would run the owner's code with them. */
  untrusted_owner: 4,
  /** A forecast, or a run, goes beyond a budget. */
  over_budget: 4,
  /** Confirmation is needed and was not given. */
  needs_confirmation: 4,
  /** A backup or its manifest is not what was written. */
  damaged_backup: 4,
  /** Another program has the database file open for writing. */
  in_use: 4,
  /** A path leads to what must not be written there: another user's link, a mount point, a file with several names. */
  unsafe_path: 4,
  /** Another harbor-db holds the lock. */
  locked: 5,
  /** Stopped by a signal. */
  interrupted: 130,
} as const;

/** See {@link exitCodeOf} for the exit code of each. */
export type ErrorCode = keyof typeof exitCodes;

/** Facts for programs; never a password or personal data. Those that harbor-db itself goes by have a type. */
export interface ErrorDetails {
  readonly [fact: string]: unknown;
  /** The statement that failed; in an error without the secrets that stand in it, which no other part of it has either. */
  readonly statement?: string;
  /** Its place in the batch. */
  readonly index?: number;
  /** PostgreSQL's code. */
  readonly sqlState?: string;
  /** Whether what failed had been committed: some errors come after that. */
  readonly committed?: true | "unknown";
  /** The file that cannot be read, as it is shown. */
  readonly path?: string;
  /** Whether there is no such file. */
  readonly isMissing?: true;
  /** The line in it, from 1. */
  readonly line?: number | null;
  /** The character at which a text cannot be read, from 0. */
  readonly offset?: number;
  /** Whether an infinite number was in the answer, for which the protocol has no form. */
  readonly isInfinite?: true;
  /** Why `pg_dump` cannot be used. */
  readonly pgDump?: "missing" | "too_old";
  /** Whether the time for the work was up. */
  readonly timeUp?: boolean;
  /** Whether the bridge was committed that did not lead where it should. */
  readonly isCommitted?: boolean;
}

/** What a {@link HarborError} has beside its code and what could not be done. */
export interface ErrorOptions {
  /** What is wrong; the message then says only what could not be done, and this comes behind it. */
  readonly state?: string | undefined;
  /** The remedy, as a command to paste or one sentence; a list has a line for each. */
  readonly hint?: string | readonly string[] | undefined;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** What {@link HarborError.with} changes. */
export interface ErrorChanges extends Omit<ErrorOptions, "hint"> {
  readonly code?: ErrorCode;
  /** In the place of the whole message, unless a state is given too. */
  readonly message?: string | readonly string[];
  /** `null` takes it away. */
  readonly hint?: string | readonly string[] | null;
}

/** Stands between the lines of a message or hint in one text. */
const lineBreak = "\n       ";

/**
 * The one error that harbor-db throws on purpose. Its message has the form `Cannot <verb> "<thing>": <state>`.
 *
 * A message of several lines is given as a list: a line break inside a line came with a name or from a server, and is
 * shown as an escape.
 */
export class HarborError extends Error {
  override readonly name = "HarborError";
  readonly code: ErrorCode;
  /** The message, line by line. */
  readonly lines: readonly string[];
  /** What is wrong, without what could not be done; the whole message where the two were not told apart. */
  readonly state: string;
  readonly hint: string | undefined;
  readonly hintLines: readonly string[];
  readonly details: ErrorDetails;
  readonly #action: readonly string[];

  constructor(code: ErrorCode, action: string | readonly string[], options: ErrorOptions = {}) {
    const { details = {}, cause } = options;
    const { statement } = details;
    const hide = statement === undefined ? (text: string) => text : hiderOf(statement);
    const state = options.state === undefined ? undefined : hide(options.state);
    const hint = options.hint === undefined ? undefined : linesOf(options.hint).map(hide);
    const said = linesOf(action).map(hide);
    const lines = state === undefined ? said : [...said.slice(0, -1), `${said.at(-1)}: ${state}`];
    super(lines.join(lineBreak), cause === undefined ? undefined : { cause });
    this.code = code;
    this.lines = lines;
    this.state = state ?? this.message;
    this.hintLines = hint ?? [];
    this.hint = hint?.join(lineBreak);
    this.details = statement === undefined ? details : { ...details, statement: hideSecrets(statement) };
    this.#action = said;
  }

  /** What programs see of it. */
  toJSON() {
    const { code, message, hint = null, details } = this;
    return { code, message, hint, details };
  }

  /** Returns this error with other parts. Details come to those that it has. */
  with(
    { code = this.code, message, state, hint = this.hintLines, details, cause = this.cause }: ErrorChanges,
  ): HarborError {
    const own = this.state === this.message ? undefined : this.state;
    return new HarborError(code, message ?? this.#action, {
      state: state ?? (message === undefined ? own : undefined),
      hint: hint === null || hint.length === 0 ? undefined : hint,
      details: { ...this.details, ...details },
      cause,
    });
  }
}

function linesOf(text: string | readonly string[]): readonly string[] {
  return typeof text === "string" ? [text] : text;
}

/** Whether a run stopped where it can go on, as somebody wanted it to. */
export function isStop({ code }: HarborError): boolean {
  return code === "interrupted" || code === "over_budget";
}

/** Returns the process exit code that an error stands for; 1 for anything that is not a {@link HarborError}. */
export function exitCodeOf(error: unknown): number {
  return error instanceof HarborError ? exitCodes[error.code] : 1;
}

/** Returns the error of a switch that lacks a case, which the compiler does not let stand. */
export function neverMet(value: never): TypeError {
  return new TypeError(`There is no case for ${JSON.stringify(value)}`);
}

/** What the system refuses, as the end of a sentence that names the path; its own words name others of ours. */
const refusals: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "its file system can only be read",
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of its path is no folder",
  EISDIR: "it is a folder",
  EEXIST: "something is there already",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  ENOSPC: "no space is left on the device",
  EDQUOT: "this user's quota is used up",
  EFBIG: "it would be longer than this user may write",
  EMFILE: "this process has as many files open as it may",
  EIO: "its device failed (input/output error)",
};

/** Returns the message of whatever was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  return (typeof code === "string" ? refusals[code] : undefined) ??
    // Advice of the runtime to whoever wrote the program.
    error.message.replace(/ For more information, pass `verbose: true`.*$/s, "");
}

/** Returns what the system refused (a name that is too long, a path that may not be read) as an error; others as they are. */
export function asFileError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, path } = error as { readonly code?: unknown; readonly path?: unknown };
  // Bun leaves the path out where it is longer than any may be.
  if (!/^E[A-Z]+$/.test(String(code))) return error;
  return new HarborError("file_failed", `Cannot use "${typeof path === "string" ? path : "a file"}"`, {
    state: messageOf(error),
    hint: "Check the path, and what stands there.",
    cause: error,
  });
}
