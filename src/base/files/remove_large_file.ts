import { constants, type FileHandle, open, rm } from "node:fs/promises";
import { withRest } from "./write_flushing.ts";

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
  await rm(path, { force: true });
}

async function shrink(file: FileHandle, signal: AbortSignal): Promise<void> {
  const stat = await file.stat();
  if (!stat.isFile() || stat.nlink !== 1) return;
  for (let end = stat.size - stretchBytes; end > 0 && !signal.aborted; end -= stretchBytes) {
    await withRest(() => file.truncate(end));
  }
}
