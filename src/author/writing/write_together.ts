import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarborError, messageOf } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import { withFileLock } from "../../base/files/file_lock.ts";
import { flush, flushFolder } from "../../base/files/flush.ts";
import { limitRemedy } from "../../base/files/limit_remedy.ts";
import { readIfThere } from "../../base/files/read_if_there.ts";
import { removeFileSync } from "../../base/files/remove_sync.ts";
import { type FileChange, temporaryEnding, temporaryOf } from "./file_change.ts";
import { finishWrite, forgetWrite, isWriteNoted, noteWrite } from "./unfinished_write.ts";

export type { FileChange };

export interface WriteOptions {
  /** The file whose lock keeps other writers out. It is not in the folder, which is under version control. */
  readonly lock: string;
  /** Milliseconds to wait for another harbor-db that is writing there. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** The command that writes, where only the whole of it makes sense: when it is killed, {@link finishInterrupted} ends it. */
  readonly command?: string;
}

/** Says whether a file is one that has not got its name yet, and so is of no concern to readers. */
export function isTemporary(path: string): boolean {
  return path.endsWith(temporaryEnding);
}

/**
 * Writes files into a folder in their order; what names the others (a journal) comes last. What is there is only
 * replaced when it still is what was read; two writers at once come one after the other, and the second one finds that.
 *
 * All texts are on the disk, under other names, before the first gets its own, and what was done is taken back where the
 * rest cannot be. A writer that was killed before the
 * journal leaves nothing that readers look at, and the next one goes over it.
 *
 * @throws {HarborError} `locked` when another one writes for longer than `waitMs`; `file_failed`; `interrupted`, or the
 * signal's own reason
 */
export async function writeTogether(
  dir: string,
  changes: readonly FileChange[],
  { command, ...options }: WriteOptions,
): Promise<void> {
  await underLock(dir, options, () => {
    stopIfAsked(options.signal);
    mkdirSync(dir, { recursive: true });
    finishWrite(dir);
    removeTemporary(dir);
    try {
      for (const { path, text } of changes) if (text !== null) prepare(join(dir, path), text);
      changes.forEach((change) => refuseIfChanged(dir, change));
      if (command !== undefined) noteWrite(dir, command, changes);
      makeAll(dir, changes);
      forgetWrite(dir);
    } catch (error) {
      removeTemporary(dir);
      throw error;
    }
  });
}

/**
 * Ends what a command had begun to write in a folder when it was killed.
 *
 * @returns The command; `null` when there was nothing to end
 * @throws {HarborError} `locked`, `file_failed`
 */
export async function finishInterrupted(dir: string, options: WriteOptions): Promise<string | null> {
  if (!isWriteNoted(dir)) return null;
  return await underLock(dir, options, () => finishWrite(dir));
}

async function underLock<T>(
  dir: string,
  { lock, waitMs, signal }: WriteOptions,
  work: () => T,
): Promise<T> {
  const options = { waitMs, signal, onWait: () => {}, onUnlocked: () => {} };
  try {
    return await withFileLock(lock, () => Promise.resolve().then(work), {
      what: `write in "${dir}"`,
      ...options,
    });
  } catch (error) {
    if (error instanceof HarborError) throw error;
    throw new HarborError("file_failed", `Cannot write in "${dir}": ${messageOf(error)}`, {
      hint: limitRemedy(error) ?? "Run as the user that owns the folder.",
      cause: error,
    });
  }
}

/** Removes what a writer that was killed had not given its name. */
function removeTemporary(dir: string): void {
  const paths = readdirSync(dir, { recursive: true, encoding: "utf8" });
  for (const path of paths.filter(isTemporary)) removeFileSync(join(dir, path));
}

function prepare(target: string, text: string): void {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(temporaryOf(target), text);
  flush(temporaryOf(target));
}

function refuseIfChanged(dir: string, { path, text, before }: FileChange): void {
  const now = readIfThere(join(dir, path));
  const isWrittenAlready = before === null && now === text;
  if (now === before || isWrittenAlready) return;
  const state = before === null
    ? "there is such a file already"
    : "another program changed it since it was read";
  throw new HarborError("file_failed", `Cannot write "${join(dir, path)}": ${state}`, {
    hint: before === null ? "harbor-db check" : "Run the same command again.",
  });
}

/** Makes all changes, or takes back those that it made. */
function makeAll(dir: string, changes: readonly FileChange[]): void {
  const made: FileChange[] = [];
  try {
    for (const change of changes) {
      made.unshift(change);
      make(dir, change);
    }
  } catch (error) {
    // From here on it is to be taken back.
    forgetWrite(dir);
    for (const { path, before } of made) {
      // What cannot be put back is found by `check`; what stopped the writing says why.
      try {
        if (before !== null) prepare(join(dir, path), before);
        make(dir, { path, text: before, before: null });
      } catch { /* as above */ }
    }
    throw error;
  }
}

function make(dir: string, { path, text }: FileChange): void {
  const target = join(dir, path);
  if (text === null) removeFileSync(target);
  else renameSync(temporaryOf(target), target);
  flushFolder(dirname(target));
}
