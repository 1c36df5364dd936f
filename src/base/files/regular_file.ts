import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { HarborError, messageOf } from "../errors.ts";
import { quoteForShell } from "../quote_shell.ts";
import { readingHint } from "./owner.ts";

/** Returns what stands in the place of an ordinary file, in words; `null` when it is one. */
export function otherKind(
  stat: Pick<Stats, "isFile" | "isDirectory" | "isFIFO" | "isSocket">,
): string | null {
  if (stat.isFile()) return null;
  return stat.isDirectory()
    ? "a folder"
    : stat.isFIFO()
    ? "a FIFO"
    : stat.isSocket()
    ? "a socket"
    : "a device";
}

/** Returns what is at a path, wherever links lead, in words; `null` for an ordinary file, and for nothing. */
export function otherKindAt(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? null : otherKind(stat);
}

/**
 * Refuses to write where something else than an ordinary file is: it would be replaced, or wait for a reader.
 *
 * @throws {HarborError} `file_failed`; the system's own errors
 */
export function refuseToWriteOther(path: string): void {
  const kind = otherKindAt(path);
  if (kind === null) return;
  throw new HarborError("file_failed", `Cannot write "${path}": it is ${kind}`, {
    hint: "Give the path of a file.",
    details: { path },
  });
}

/** Whether a path leads to an ordinary file. */
export function isRegularFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Opens an ordinary file to read, without waiting for anybody: to open a FIFO waits for its writer, for ever if there is
 * none, and to open a device may do something.
 *
 * @returns `undefined` when there is no such file
 * @throws {HarborError} `file_failed` when it is anything else, or may not be read
 */
export function openRegularFile(path: string): number | undefined {
  let file: number | undefined;
  try {
    refuseOther(path, statSync(path));
    // It may have become another one since.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    refuseOther(path, fstatSync(file));
    return file;
  } catch (error) {
    if (file !== undefined) closeSync(file);
    if (error instanceof HarborError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unreadable(path, error);
  }
}

/**
 * Reads an ordinary file to its end.
 *
 * @param most So many bytes at most; what is longer is not what it should be
 * @returns `undefined` when there is no such file
 * @throws {HarborError} `file_failed`
 */
export function readRegularFile(path: string, most: number): Uint8Array | undefined {
  const file = openRegularFile(path);
  if (file === undefined) return undefined;
  try {
    const { size } = fstatSync(file);
    if (size > most) throw odd(path, `it is ${size} bytes long, more than the ${most} that it may be`);
    return readUpTo(file, size);
  } catch (error) {
    throw error instanceof HarborError ? error : unreadable(path, error);
  } finally {
    closeSync(file);
  }
}

/** The same for a text in UTF-8. */
export function readRegularText(path: string, most: number): string | undefined {
  const bytes = readRegularFile(path, most);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/**
 * Reads how an ordinary file begins and how it ends: so many bytes of each, with a line's end between them, or all where it
 * has no more.
 *
 * @returns `undefined` when there is no such file
 * @throws {HarborError} `file_failed`
 */
export function readRegularEdges(path: string, count: number): string | undefined {
  const file = openRegularFile(path);
  if (file === undefined) return undefined;
  try {
    const { size } = fstatSync(file);
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return size <= 2 * count
      ? decode(readUpTo(file, size))
      : `${decode(readUpTo(file, count))}\n${decode(readUpTo(file, count, size - count))}`;
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    closeSync(file);
  }
}

/** What a file that harbor-db writes again and again is called, and known by. */
export interface OwnFile {
  readonly what: string;
  /** Found in the beginning and the end of each. */
  readonly mark: RegExp;
}

/** So much of the beginning and of the end is looked at, in bytes. */
const edgeBytes = 4_096;

/**
 * Refuses to write over what harbor-db did not write: a path that was mistaken may lead to a database, a backup or a key.
 *
 * @param path To read it by
 * @param shown The path as the user knows it
 * @throws {HarborError} `unsafe_path`
 */
export function requireOwn(path: string, shown: string, { what, mark }: OwnFile): void {
  const refuse = (state: string): never => {
    throw new HarborError("unsafe_path", `Cannot write "${shown}": ${state}`, {
      hint: "Give another place, or look what it is, and move it away.",
      details: { path: shown },
    });
  };
  let edges: string | undefined;
  try {
    edges = readRegularEdges(path, edgeBytes);
  } catch {
    refuse(`what is there may not be read, and may be no ${what} of harbor-db's`);
  }
  if (edges === undefined || edges.trim() === "" || mark.test(edges)) return;
  refuse(`what is there is no ${what} of harbor-db's`);
}

function readUpTo(file: number, size: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const count = readSync(file, bytes, filled, size - filled, from + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function refuseOther(path: string, stat: Stats): void {
  const kind = otherKind(stat);
  if (kind !== null) throw odd(path, `it is ${kind}`);
}

function odd(path: string, state: string): HarborError {
  return new HarborError("file_failed", `Cannot read "${path}": ${state}`, {
    hint: `Look what it is: ls -l ${quoteForShell(path)}`,
  });
}

function unreadable(path: string, cause: unknown): HarborError {
  return new HarborError("file_failed", `Cannot read "${path}": ${messageOf(cause)}`, {
    hint: readingHint(path, cause),
    cause,
  });
}
