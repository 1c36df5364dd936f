import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../base/errors.ts";
import type { Client } from "../engines/database.ts";

/** A file to write, by its path in the folder. */
export interface FileChange {
  readonly path: string;
  /** `null` removes it. */
  readonly text: string | null;
  /** What it holds now, as it was read; `null` when there must be no such file. */
  readonly before: string | null;
}

export interface WriteOptions {
  readonly client: Client;
  /** Milliseconds to wait for another harbor-db that is writing there. */
  readonly waitMs: number;
}

/** Marks the folder as being written to, and says what to put back when the writer dies. */
const markName = ".harbor-db-writing.json";

interface Mark {
  readonly owner: string;
  readonly pid: number;
  readonly processSpace: string | null;
  /** What is being written; empty until it is known that nothing else changed. */
  readonly changes: readonly FileChange[];
}

/**
 * Writes files into a folder, all of them or none. What is there is only replaced when it still is what was read; two
 * writers at once come one after the other, and the second one finds that.
 *
 * The mark that keeps others out holds what to put back, so that also a writer that was killed leaves nothing half
 * done: the next one undoes it.
 *
 * @throws {HarborError} `locked` when another one writes for longer than `waitMs`; `file_failed`
 */
export async function writeTogether(
  dir: string,
  changes: readonly FileChange[],
  options: WriteOptions,
): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const mark = await takeMark(dir, options);
  const written: FileChange[] = [];
  try {
    changes.forEach((change) => refuseIfChanged(dir, change));
    put(dir, markName, JSON.stringify({ ...mark, changes }));
    for (const change of changes) {
      written.push(change);
      put(dir, change.path, change.text);
    }
  } catch (error) {
    undo(dir, written);
    throw asFileError(error, dir);
  } finally {
    rmSync(join(dir, markName), { force: true });
  }
}

/** Says whether somebody is writing into a folder, or was killed while doing so. */
export function isBeingWritten(dir: string): boolean {
  return existsSync(join(dir, markName));
}

/**
 * Puts back what a writer that was killed left half done. Called before a folder is read.
 *
 * @returns Whether there was something to put back
 */
export function undoUnfinished(dir: string, client: Client): boolean {
  return isBeingWritten(dir) && undoDead(dir, client);
}

async function takeMark(dir: string, { client, waitMs }: WriteOptions): Promise<Mark> {
  const path = join(dir, markName);
  const mark = markOf(client);
  for (const deadline = Date.now() + waitMs; !create(path, mark);) {
    if (undoDead(dir, client)) continue;
    if (Date.now() >= deadline) throw busy(path);
    await sleep(20);
  }
  return mark;
}

function markOf({ pid, processSpace, host }: Client): Mark {
  return { owner: `pid ${pid} on ${host}`, pid, processSpace, changes: [] };
}

/** Undoes a dead writer's changes and removes its mark. Of several that see it, the one with the claim does. */
function undoDead(dir: string, client: Client): boolean {
  const path = join(dir, markName);
  const claim = `${path}.claim`;
  if (readDead(path, client) === null) return false;
  if (!create(claim, markOf(client))) {
    if (ageOf(claim) > longestUndoMs) rmSync(claim, { force: true });
    return false;
  }
  try {
    const dead = readDead(path, client);
    if (dead === null) return false;
    undo(dir, dead.changes);
    rmSync(path, { force: true });
    return true;
  } finally {
    rmSync(claim, { force: true });
  }
}

/** How long putting back a few files may take before whoever does it must be dead, too. */
const longestUndoMs = 10_000;
/** How long a mark may be without its text. */
const longestEmptyMs = 1_000;

/** Returns the mark of a writer that is dead; `null` when there is none, or it may live. */
function readDead(path: string, { processSpace, isAlive }: Client): Mark | null {
  const mark = readMark(path);
  // It was killed before it could say who it is, and so before it did anything.
  if (mark === null) return ageOf(path) > longestEmptyMs ? nobody : null;
  return processSpace !== null && mark.processSpace === processSpace && !isAlive(mark.pid) ? mark : null;
}

const nobody: Mark = { owner: "nobody", pid: 0, processSpace: null, changes: [] };

/** Returns how long ago a file was written, in milliseconds; 0 when it is gone. */
function ageOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}

function create(path: string, mark: Mark): boolean {
  try {
    writeFileSync(path, JSON.stringify(mark), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw asFileError(error, path);
  }
}

/** Returns another writer's mark; `null` when it is gone or not yet whole. */
function readMark(path: string): Mark | null {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** Puts back what was there, but for what somebody else has written since. */
function undo(dir: string, changes: readonly FileChange[]): void {
  for (const { path, text, before } of changes.toReversed()) {
    const half = join(dir, `${path}.new`);
    if (existsSync(half)) rmSync(half);
    if (text !== before && readIfThere(join(dir, path)) === text) put(dir, path, before);
  }
}

function refuseIfChanged(dir: string, { path, before }: FileChange): void {
  const now = readIfThere(join(dir, path));
  if (now === before) return;
  const state = before === null
    ? "there is such a file already"
    : "another program changed it since it was read";
  throw new HarborError("file_failed", `Cannot write "${join(dir, path)}": ${state}`, {
    hint: before === null ? "harbor-db check" : "Run the same command again.",
  });
}

/** Writes a file under another name first, so that half of one never stands there. */
function put(dir: string, path: string, text: string | null): void {
  const target = join(dir, path);
  if (text === null) return rmSync(target, { force: true });
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.new`, text);
  renameSync(`${target}.new`, target);
}

function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

function busy(path: string): HarborError {
  const owner = readMark(path)?.owner ?? "another harbor-db";
  return new HarborError("locked", `Cannot write: ${owner} is writing there`, {
    hint: `If it is gone: rm ${path}`,
  });
}

function asFileError(error: unknown, path: string): HarborError {
  if (error instanceof HarborError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HarborError("file_failed", `Cannot write "${path}": ${message}`, { cause: error });
}
