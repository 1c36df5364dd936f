import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import { HarborError, messageOf } from "../base/errors.ts";
import { shownJsonLine } from "../base/shown_text.ts";
import { limitRemedy } from "../base/files/limit_remedy.ts";
import { trustedPath, withOpenFolder } from "../base/files/open_folder.ts";
import { giveOpenFile, ownerFor } from "../base/files/owner.ts";
import { openRegularFile, otherKind, refuseToWriteOther, requireOwn } from "../base/files/regular_file.ts";
import { formatRunRecord, parseRunRecords, type RunRecord } from "./rules/run_record.ts";

/** A log begins with a run; of one that was cut at its beginning, or at its end, another line does. */
const ownLog = { what: "log", mark: /^\{"at":"/m };

/** So much of the log's end is read, in bytes: some hundred runs. */
const tailBytes = 256 * 1024;

/**
 * Reads the last runs of a log, the oldest first; none when there is no such file.
 *
 * @throws {HarborError} `file_failed`
 */
export function readRuns(path: string): readonly RunRecord[] {
  return parseRunRecords(useFile(path, { verb: "read", open: openRegularFile }, tailOf) ?? "");
}

/**
 * Appends a run to a log, which is made where it does not exist. The line is written at once, so that runs which end
 * together do not mix, and begins a new one after a line that was cut off.
 *
 * @throws {HarborError} `file_failed`
 */
export function appendRun(path: string, record: RunRecord): void {
  appendLine(path, formatRunRecord(record));
}

/**
 * Appends a change that was rehearsed, which no run of `verify` is taken for.
 *
 * @throws {HarborError} `file_failed`
 */
export function appendChange(path: string, record: ChangeRecord): void {
  appendLine(path, `${shownJsonLine(record)}\n`);
}

/** What can be kept to budgets. */
export type GuardedChange = "adopt" | "upgrade" | "downgrade";

/** A change of the schema, as one line of JSON in the log of `verify`. Fields are only ever added. */
export interface ChangeRecord {
  /** When it ended, ISO 8601 UTC. */
  readonly at: string;
  readonly change: GuardedChange;
  /** Which harbor-db did it: `0.1.0`. */
  readonly version: string;
  /** The address without its password. */
  readonly database: string;
  /** Why it did not come to its end; `null` when it did. */
  readonly error: string | null;
  /** What its rehearsal said. */
  readonly forecast: unknown;
  /** What it took. */
  readonly measured: unknown;
}

function appendLine(path: string, text: string): void {
  useFile(path, { verb: "write", open: openToAppend }, (file) => {
    const { size } = fstatSync(file);
    const last = new Uint8Array(1);
    const isCut = size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
    const bytes = new TextEncoder().encode(`${isCut ? "\n" : ""}${text}`);
    // A disk that fills up takes a part and says so of the rest alone.
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    // Some file systems say not before that there was no room, or that the device failed.
    fsyncSync(file);
  });
}

function tailOf(file: number): string {
  const { size } = fstatSync(file);
  const bytes = new Uint8Array(Math.min(size, tailBytes));
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(file, bytes, filled, bytes.length - filled, size - bytes.length + filled);
    if (count === 0) break;
    filled += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, filled));
}

/** Opens a log in the folder that its path leads to, and no link, FIFO or device in its place. */
function openToAppend(path: string): number {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  refuseToWriteOther(path);
  const real = trustedPath(path);
  return withOpenFolder(dirname(real), (folder) => {
    const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    const file = openSync(folder.path(basename(real)), flags, 0o644);
    const stat = fstatSync(file);
    const state = otherKind(stat) ??
      (stat.nlink > 1 ? "a file with other names, which may be anywhere" : null);
    try {
      if (state !== null) throw new Error(`it is ${state}`);
      requireOwn(folder.path(basename(real)), path, ownLog);
      // One that root has just made here.
      if (stat.uid === 0 && stat.size === 0) giveOpenFile(file, ownerFor(folder.path(".")));
      return file;
    } catch (error) {
      closeSync(file);
      throw error;
    }
  });
}

interface Opening {
  readonly verb: "read" | "write";
  /** Returns `undefined` when there is no such file. */
  open(path: string): number | undefined;
}

function useFile<T>(path: string, { verb, open }: Opening, work: (file: number) => T): T | undefined {
  let file: number | undefined;
  try {
    file = open(path);
    return file === undefined ? undefined : work(file);
  } catch (error) {
    if (error instanceof HarborError) throw error;
    throw new HarborError("file_failed", `Cannot ${verb} "${path}": ${messageOf(error)}`, {
      hint: limitRemedy(error) ?? "Give a file in a folder that exists and that this user may write: --log",
      cause: error,
    });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
