import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError, messageOf } from "../errors.ts";
import { stopIfAsked } from "../interrupt.ts";
import { isOwnFolder, trustedPath } from "./open_folder.ts";
import { lockedError } from "../lock_error.ts";
import { removeFileSync } from "./remove_sync.ts";

/** How {@link withFileLock} locks and waits. */
export interface FileLockOptions {
  /** What is being done, for the message: `verify "sqlite:///openharbor.db"`. */
  readonly what: string;
  /** Milliseconds to wait for another process; 0 tries once. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Called once, when another process makes it wait. */
  readonly onWait: () => void;
  /** Called when there can be no lock here, with what speaks against it; the work is then done without one. */
  readonly onUnlocked: (reason: unknown) => void;
}

const pollMs = 250;

/**
 * Runs `work` while no other process on this machine can hold the same file's lock. The system frees the lock when
 * the process dies, however it dies. The file goes with the lock; one that was killed leaves it, empty, to the next.
 *
 * No runtime offers `flock`, but SQLite locks the files that it opens in the same way: an empty file is an empty
 * database, and an exclusive transaction on it is a lock. The folder has to be one that nobody else may write.
 *
 * @throws {HarborError} `locked` when another process holds it longer than `waitMs`
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  options: FileLockOptions,
): Promise<T> {
  const lock = await acquire(path, options);
  try {
    return await work();
  } finally {
    lock?.();
  }
}

/** Returns what frees the lock. */
async function acquire(path: string, options: FileLockOptions): Promise<(() => void) | undefined> {
  const { what, waitMs, signal, onWait, onUnlocked } = options;
  let held: Attempt | undefined;
  const deadline = performance.now() + waitMs;
  try {
    const folder = trustedPath(dirname(path));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // SQLite follows a link, and makes the file that it leads to.
    if (!isOwnFolder(statSync(folder))) throw new Error("other users may write in its folder");
    const real = join(folder, basename(path));
    for (let isFirst = true;; isFirst = false) {
      held = open(real);
      // Who held it before has removed the file that was opened here.
      if (tryLock(held.file) && held.mark === markOf(real)) break;
      held.file.close();
      held = undefined;
      stopIfAsked(signal);
      if (performance.now() >= deadline) throw lockedError(`Cannot ${what}`, undefined, { lock: path });
      if (isFirst) onWait();
      await sleep(pollMs);
    }
    const { file, mark } = held;
    return () => {
      try {
        // Somebody who removed it by hand, and locked another one, keeps that.
        if (mark === markOf(real)) removeFileSync(real);
      } catch {
        // What was done under it is done; who comes next takes the file that stays.
      }
      file.close();
    };
  } catch (error) {
    held?.file.close();
    if (error instanceof HarborError) throw error;
    onUnlocked(error);
    return undefined;
  }
}

interface Attempt {
  readonly file: DatabaseSync;
  readonly mark: string | null;
}

function open(path: string): Attempt {
  closeSync(openSync(path, "a", 0o600));
  const mark = markOf(path);
  return { file: new DatabaseSync(path, { timeout: 0 }), mark };
}

/** Returns what tells a file from another one of its name; `null` without one. */
function markOf(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.ino} ${stat.birthtimeNs}`;
}

function tryLock(file: DatabaseSync): boolean {
  try {
    file.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (/database is locked/i.test(messageOf(error))) return false;
    throw error;
  }
}
