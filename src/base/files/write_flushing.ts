import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * After how many bytes what was written is put on the disk. Whoever commits to a database on the same disk waits behind what
 * is flushed at that moment: on a slow disk 20 to 30 ms behind 4 MiB, and 180 behind a copy of 500 MB that is flushed when it is whole.
 */
export const flushBytes = 1024 * 1024;

/** A flush, or another piece of work with the disk, that takes no longer is one that nobody has noticed, in milliseconds. */
const unnoticedMs = 3;
const longestRestMs = 20;

/**
 * Returns for how long a disk is to be left to others after a piece of work with it, in milliseconds. Without a rest whoever
 * commits meanwhile comes right behind the next piece, too.
 */
export function restAfter(ms: number): number {
  return ms <= unnoticedMs ? 0 : Math.min(ms, longestRestMs);
}

/** Does a piece of work with the disk, and then leaves the disk to others, see {@link restAfter}. */
export async function withRest(work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await work();
  const restMs = restAfter(performance.now() - began);
  if (restMs > 0) await sleep(restMs);
}

/** Writes pieces to an open file, and puts them on the disk as it goes. What was written last is for the caller to flush. */
export function flushingWriter(file: FileHandle): (piece: Uint8Array) => Promise<void> {
  let unflushed = 0;
  return async (piece) => {
    for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
    unflushed += piece.length;
    if (unflushed < flushBytes) return;
    unflushed = 0;
    await withRest(() => file.datasync());
  };
}

/**
 * Writes a new file, which nobody else may read. All of it is on the disk then.
 *
 * @throws The system's own errors, also when it is there; what `pieces` throws
 */
export async function writeFlushing(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    const write = flushingWriter(file);
    for await (const piece of pieces) await write(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}
