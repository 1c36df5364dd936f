import type { SqliteFileUrl } from "../../../base/url/sqlite_url.ts";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { currentUser, trustedPath } from "../../../base/files/open_folder.ts";
import { chownCommand, giveOpenFile, ownerFor, runAsOwner } from "../../../base/files/owner.ts";
import { foldName } from "../../../base/fold_name.ts";
import { isOwnTable } from "../../../sql/own/tables.ts";
import { readToolTables } from "../../../sql/own/tool_tables.ts";
import { quoteName } from "../../../sql/quote.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";
import type { OpenOptions } from "../../database.ts";
import { refuseDanglingLink, refuseOtherKinds, refuseOtherPaths, sideFiles } from "./database_file.ts";
import { failure } from "./errors.ts";
import { namingOpeners } from "./file_openers.ts";

/** Milliseconds that a statement waits for another connection's lock before it fails with `busy`. */
export const busyTimeoutMs = 5_000;

/** As much of a file as SQLite maps; what is beyond it is read. */
export const mostMappedBytes = 2 ** 31 - 65_536;

/**
 * Opens the file and reads from it once, so that whatever is wrong with it shows here.
 *
 * @throws {HarborError} `connection_failed`, `not_a_database`, `read_only` or `busy`
 */
export function openFile(url: SqliteFileUrl, access: OpenOptions["access"]): DatabaseSync {
  const path = resolve(url.path);
  refuseUnlessUsable(path, url, access);
  if (access === "create" && !existsSync(path)) makeNew(trustedPath(path));
  if (access !== "read") return probed(() => new DatabaseSync(path, { timeout: busyTimeoutMs }), url);
  if (isWal(path) && isWalUnused(path)) return openQuietWal(path, url);
  try {
    return probed(() => openToRead(path), url);
  } catch (error) {
    if (!isHotJournal(error)) throw error;
    recover(path, url);
    return probed(() => openToRead(path), url);
  }
}

/** Makes the file for the folder's owner where SQLite would make it root's; what SQLite puts beside it follows it. */
function makeNew(path: string): void {
  const owner = ownerFor(dirname(path));
  if (owner === null) return;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    giveOpenFile(file, owner);
  } finally {
    closeSync(file);
  }
}

/** Prepares a statement that returns integers whole. */
export function prepare(database: DatabaseSync, text: string): StatementSync {
  const statement = database.prepare(text);
  statement.setReadBigInts(true);
  return statement;
}

/** Runs a statement of the driver's own. Unlike `exec`, its errors carry SQLite's result code on every runtime. */
export function execute(database: DatabaseSync, text: string): void {
  prepare(database, text).all();
}

/** Says whether the database keeps a write-ahead log. */
export function isWalMode(handle: DatabaseSync): boolean {
  return prepare(handle, "PRAGMA journal_mode").get()?.["journal_mode"] === "wal";
}

/** Returns SQLite's extended result code, where the runtime gives it. */
export function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as Error & { readonly errcode?: unknown }).errcode : undefined;
  return typeof code === "number" ? code : undefined;
}

function openToRead(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs });
}

/**
 * Opens a WAL database that nobody has open. A read-only connection would leave an empty `-wal` and a `-shm` behind,
 * which only a writable one removes; so this one is writable and refuses to write. Where this user may not write
 * the file or its folder, SQLite can only take the file as it is, and does not see what another begins to write.
 *
 * Source: https://www.sqlite.org/wal.html#read_only_databases
 */
function openQuietWal(path: string, url: SqliteFileUrl): DatabaseSync {
  if (!isAllowed(path, constants.W_OK) || !isAllowed(dirname(path), constants.W_OK)) {
    return probed(() => openImmutable(path), url);
  }
  return probed(() => {
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    execute(database, "PRAGMA query_only = ON");
    return database;
  }, url);
}

/**
 * Opens a file to read that nobody writes: SQLite locks nothing and makes neither `-wal` nor `-shm` beside it.
 *
 * @throws SQLite's own errors
 */
export function openImmutable(path: string): DatabaseSync {
  const url = pathToFileURL(path);
  url.search = "?mode=ro&immutable=1";
  return new DatabaseSync(url, { readOnly: true });
}

/**
 * Lets SQLite roll back what a killed program left half done, which takes a writable connection. Until that is done
 * nobody can read the file rightly.
 */
function recover(path: string, url: SqliteFileUrl): void {
  if (!isAllowed(path, constants.W_OK) || !isAllowed(dirname(path), constants.W_OK)) {
    throw new HarborError(
      "read_only",
      `Cannot read "${url.display}": a program was killed while writing, and this user may not repair the file`,
      { hint: `Run the command as the user that owns "${path}".` },
    );
  }
  probed(() => new DatabaseSync(path, { timeout: busyTimeoutMs }), url).close();
}

/** Opens, reads the schema, and closes again when that fails. */
function probed(open: () => DatabaseSync, url: SqliteFileUrl): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = open();
    refuseViews(database, url);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof HarborError) throw error;
    const path = resolve(url.path);
    const options = { result: resultCode(error), cause: error };
    throw namingOpeners(failure({ url: url.display, path }, messageOf(error), options), path);
  }
}

/**
 * Reads the schema, and refuses views that are called as tables of which every command reads all rows. A view may have rows without an
 * end, and nothing ends a statement that runs in this process.
 *
 * @throws {HarborError} `not_a_database`
 */
export function refuseViews(database: DatabaseSync, url: SqliteFileUrl): void {
  const views = prepare(database, "SELECT name FROM sqlite_schema WHERE type = 'view'").all();
  const isRead = (name: string) => isOwnTable(name) || readToolTables.includes(name);
  const name = views.map((view) => String(view["name"])).find((each) => isRead(foldName(each)));
  if (name === undefined) return;
  throw new HarborError("not_a_database", `Cannot read "${url.display}": ${name} is a view`, {
    hint: `That is the name of a table of its own. See who made the view, and take it away: DROP VIEW ${
      quoteName(name)
    }`,
    details: { path: resolve(url.path), view: name },
  });
}

/** SQLITE_READONLY_ROLLBACK, by which a read-only connection says that there is a journal to roll back. */
function isHotJournal(error: unknown): boolean {
  return error instanceof HarborError && error.code === "read_only";
}

/** Whether the header says WAL. Source: https://www.sqlite.org/fileformat.html#file_format_version_numbers */
export function isWal(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const versions = new Uint8Array(2);
    return readSync(file, versions, 0, 2, 18) === 2 && versions[1] === 2;
  } finally {
    closeSync(file);
  }
}

/**
 * Whether nothing is beside a file in WAL mode that is not in it: no `-wal`, or an empty one without the `-shm` of those who have
 * it open, as it is left where the two were copied.
 */
export function isWalUnused(path: string): boolean {
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return wal === undefined || (wal.size === 0 && !existsSync(`${path}-shm`));
}

/** @param mode Of `fs.constants` */
function isAllowed(path: string, mode: number): boolean {
  return accessFailure(path, mode) === undefined;
}

/**
 * Whether a file that is there is kept from us. A journal goes as soon as its transaction ends and comes back with the
 * next, so that this is asked once.
 */
function keepsOut(path: string, mode: number): boolean {
  return ![undefined, "ENOENT"].includes(accessFailure(path, mode));
}

function accessFailure(path: string, mode: number): string | undefined {
  try {
    // Most that is asked for is not there, and an error takes longer to make than to look.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return "ENOENT";
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? messageOf(error);
  }
}

function refuseUnlessUsable(path: string, url: SqliteFileUrl, access: OpenOptions["access"]): void {
  const refuse = (
    state: string,
    hint: string | readonly string[],
    code: "connection_failed" | "read_only" = "connection_failed",
  ) => {
    throw new HarborError(code, `Cannot open "${url.display}": ${state}`, { hint, details: { path } });
  };
  const parent = statOf(dirname(path));
  if (parent === undefined) {
    refuse(`the folder "${dirname(path)}" does not exist`, `mkdir -p ${quoteForShell(dirname(path))}`);
  }
  const stat = statOf(path);
  refuseOtherKinds(path, url.display);
  if (access !== "read") {
    const what = { url: url.display, verb: "write" };
    refuseDanglingLink(path, what);
    if (stat !== undefined) refuseOtherPaths(realpathSync(path), what);
  }
  if (stat === undefined) {
    if (access !== "create") {
      refuse(
        `there is no file "${path}"`,
        "Check the path (--database-url); harbor-db upgrade makes a new database.",
      );
    }
    const folder = dirname(path);
    const failure = accessFailure(folder, constants.W_OK);
    if (failure !== undefined) {
      refuse(
        `the folder "${folder}" may not be written${becauseOf(failure)}`,
        writingHint(folder, failure, "folder"),
        "read_only",
      );
    }
    return;
  }
  refuseUnreadable(path, url);
  if (access === "read") return;
  const files = filesOf(path);
  const folder = dirname(path);
  // Of a link Deno looks at the link itself, and one in /proc may never be written.
  const closed = files.find((each) => keepsOut(each, constants.W_OK)) ??
    (keepsOut(`${folder}/.`, constants.W_OK) ? folder : undefined);
  if (closed !== undefined) {
    // SQLite makes its journal in the folder.
    const failure = accessFailure(closed === folder ? `${folder}/.` : closed, constants.W_OK);
    refuse(
      `"${closed}" may not be written${becauseOf(failure)}`,
      writingHint(closed, failure, closed === path ? "database" : closed === folder ? "folder" : "file"),
      "read_only",
    );
  }
}

/**
 * Refuses a database of which this user may not read a file: SQLite does not say which.
 *
 * @throws {HarborError} `connection_failed`
 */
export function refuseUnreadable(path: string, url: SqliteFileUrl): void {
  const unread = filesOf(path).find((each) => keepsOut(each, constants.R_OK));
  if (unread === undefined) return;
  throw new HarborError("connection_failed", `Cannot open "${url.display}": "${unread}" may not be read`, {
    hint: accessHint(unread, "r", unread === path ? "database" : "file"),
    details: { path },
  });
}

/** Returns the file of a database and those that SQLite may put beside it. */
function filesOf(path: string): readonly string[] {
  return [path, ...sideFiles.map((ending) => path + ending)];
}

/** Says what keeps everybody out, whose ever it is. */
function becauseOf(failure: string | undefined): string {
  return failure === "EROFS" ? ": its file system can only be read" : "";
}

function writingHint(path: string, failure: string | undefined, what: string): string | readonly string[] {
  return failure === "EROFS"
    ? `Mount it to be written, as root: mount -o remount,rw "$(findmnt -no TARGET --target ${
      quoteForShell(path)
    })"`
    : accessHint(path, "w", what);
}

/** Names what lets this user in: its owner changes the mode; anybody else is to be that user, or to become the owner. */
function accessHint(path: string, right: "r" | "w", what: string): readonly string[] {
  // A journal may be gone by now.
  const stat = statSync(path, { throwIfNoEntry: false });
  const needed = right === "r" ? constants.S_IRUSR : constants.S_IWUSR;
  const isLacking = stat !== undefined && (stat.mode & needed) === 0;
  const change = isLacking ? `chmod u+${right} ${quoteForShell(path)}` : null;
  if (change !== null && stat?.uid === currentUser()) return [change];
  const taking = chownCommand(path);
  const commands = [taking, change].filter((each) => each !== null);
  return [
    ...isLacking && taking !== null ? [] : [runAsOwner(`the ${what}`, path)],
    ...commands.length === 0 ? [] : [`${isLacking ? "As" : "Or, as"} root: ${commands.join(" && ")}`],
  ];
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const isForbidden = (error as NodeJS.ErrnoException).code === "EACCES";
    const state = isForbidden ? "this user may not look into its folder" : messageOf(error);
    throw new HarborError("connection_failed", `Cannot open "${path}": ${state}`, {
      hint: isForbidden ? "Run as the user that owns the database." : "Check the path (--database-url).",
      cause: error,
    });
  }
}
