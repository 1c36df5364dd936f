import type { Found } from "../../base/finding.ts";
import type { State } from "../../state/state.ts";
import { asFileError, HarborError } from "../../base/errors.ts";
import type { History } from "../../history/history.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import type { Identity } from "../../engines/backup/identity.ts";
import type { Database } from "../../engines/database.ts";
import type { SliceTurns } from "../../engines/inspector.ts";
import type { Backups } from "../../backup/open_backups.ts";
import type { BackupPlace } from "../../backup/store/place.ts";
import type { KnownSchemas } from "./read_schemas.ts";
import { isTimeUp } from "./time_limit.ts";

/** One thing that `verify` looks at, as data. */
export interface Check {
  /** As `--only` and `--skip` take it. */
  readonly name: string;
  /** What it looks at, for `verify --list`. */
  readonly summary: string;
  /** What it costs, in time and in waiting for others. */
  readonly cost: string;
  /**
   * Looks, and yields what it finds: at least one finding. What it yielded before it throws is kept, and what it throws
   * becomes the finding that the rest could not be checked.
   */
  run(context: CheckContext): AsyncIterable<Found>;
}

/** What checks work with. Everything is read once, when the first check asks for it, and fails for all that ask. */
export interface CheckContext {
  readonly pace: SliceTurns;
  readonly quick: boolean;
  readonly backups: ExpectedBackups;
  now(): Date;
  /**
   * Does work that can be stopped by a signal, which it gets when the time is up; it hears how many milliseconds are left.
   *
   * @throws {HarborError} `check_failed` when the time was up
   */
  within<T>(work: (signal: AbortSignal, leftMs: number) => Promise<T>): Promise<T>;
  /** The database, open for reading as it is. */
  database(): Promise<Database>;
  history(): Promise<History>;
  /** The project's own rules, as their file has them; `null` without one. */
  rules(): Promise<string | null>;
  /** What the history says of its schemas. */
  schemas(): Promise<KnownSchemas>;
  /** What the database is to harbor-db. */
  state(): Promise<State>;
  /** What the database is known by; unknown when it cannot be asked. */
  identity(): Promise<Identity>;
  /** The live schema. */
  schema(): Promise<Snapshot>;
}

/** The backups, and what is expected of them. */
export interface ExpectedBackups {
  readonly store: Backups;
  /** Where copies of them have to be, too; `null` for nowhere. */
  readonly copies: BackupPlace | null;
  /** How old the newest one may be, in milliseconds. */
  readonly maxAgeMs: number;
  /** Whether to restore it aside and compare. */
  readonly isDrill: boolean;
}

/** Returns an error as a check's failure. */
export function failure(error: HarborError): Found {
  const { message, details } = error;
  return { status: "fail", message, hint: remedyOf(error), details };
}

/** Returns what helps as one text: that of a finding has no lines. */
function remedyOf({ hintLines }: HarborError): string | null {
  return hintLines.length === 0 ? null : hintLines.join(" ");
}

/**
 * Says that something could not be checked.
 *
 * @param what What it was; left out, it is the whole check
 * @throws `thrown` itself when the user asked to stop
 */
export function couldNotCheck(thrown: unknown, what?: string): Found {
  const error = asFileError(thrown);
  const subject = what === undefined ? "" : `${what} `;
  if (error instanceof HarborError) {
    if (error.code === "interrupted") throw error;
    const { code, message, details } = error;
    // The statement is in the details; what the engine said of it is what matters.
    const isStatement = details.statement !== undefined || code === "check_failed";
    const words = isStatement ? error.state : message;
    return {
      status: "error",
      message: isTimeUp(error)
        ? `${subject}not checked to the end: ${words}`
        : `${subject}could not be checked: ${words}`,
      hint: remedyOf(error),
      details: { ...details, code },
    };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return {
    status: "error",
    message: `${subject}could not be checked: harbor-db itself failed: ${message}`,
    hint: "This is a defect in harbor-db. Please report it with the details of --json.",
    details: { code: "internal", stack },
  };
}
