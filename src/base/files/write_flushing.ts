import { type FileHandle, open } from "node:fs/promises";

/**
 * After how many bytes what was written is put on the disk. Whoever commits to a database on the same disk waits behind what
 * is flushed at that moment, so that a copy of 500 MB, flushed when it is whole, held up each writer beside it for 180 ms.
 */
export const flushBytes = 4 * 1024 * 1024;

/** Writes pieces to an open file, and puts them on the disk as it goes. What was written last is for the caller to flush. */
export function flushingWriter(file: FileHandle): (piece: Uint8Array) => Promise<void> {
  let unflushed = 0;
  return async (piece) => {
    for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
    unflushed += piece.length;
    if (unflushed < flushBytes) return;
    unflushed = 0;
    await file.datasync();
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
