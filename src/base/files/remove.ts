import { constants, type FileHandle, open, rm, unlink } from "node:fs/promises";
import { unlessMissing } from "./remove_sync.ts";
import { withRest } from "./write_flushing.ts";

// Where a device fails, the `rm` of Bun says of a file "bad address", and not what the system said.

/**
 * Removes a file, if it is there.
 *
 * @throws The system's own errors
 */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch(unlessMissing);
}

/** How much of a file is let go of at once. */
const stretchBytes = 4 * 1024 * 1024;

/**
 * Removes a file, if it is there, a stretch at a time from its end: a file system that gives all of 500 MB free in one go can keep
 * every commit to the same disk waiting for half a second. What is linked to from elsewhere is only unlinked.
 *
 * Only for a file that nobody else reads: who has it open finds it shorter, and who has mapped it is ended by the system.
 *
 * @param signal Once it is aborted the file goes in one: nobody waits for a disk then, and work that was left to itself may read it
 * @throws The system's own errors
 */
export async function removeLargeFile(path: string, signal: AbortSignal): Promise<void> {
  const { O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  // Whatever cannot be opened so can still be removed.
  const file = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch(() => null);
  if (file !== null) {
    try {
      await shrink(file, signal);
    } catch {
      // A file that cannot be cut, as of a full file system that copies what it writes, can still be removed.
    } finally {
      await file.close();
    }
  }
  await removeFile(path);
}

async function shrink(file: FileHandle, signal: AbortSignal): Promise<void> {
  const stat = await file.stat();
  if (!stat.isFile() || stat.nlink !== 1) return;
  for (let end = stat.size - stretchBytes; end > 0 && !signal.aborted; end -= stretchBytes) {
    await withRest(() => file.truncate(end));
  }
}

/** Removes a folder, if it is there, with all that is in it. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/**
 * Runs work, and removes something behind it. Why the work failed is not hidden by what cannot be removed then.
 *
 * @throws What `work` throws; where it is done, what `remove` throws
 */
export async function removingBehind<T>(remove: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
  await remove();
  return result;
}

/**
 * Removes files of something that failed, in this order.
 *
 * @param through Returns the path by which each is reached
 * @returns Those that could not be removed: what failed is the error to tell
 */
export async function removeLeft(
  paths: readonly string[],
  through: (path: string) => string = (path) => path,
): Promise<readonly string[]> {
  const left: string[] = [];
  for (const path of paths) await removeFile(through(path)).catch(() => left.push(path));
  return left;
}
