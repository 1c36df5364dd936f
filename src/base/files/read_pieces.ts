import { open } from "node:fs/promises";
import { stopBackupIfAsked } from "../stop_backup.ts";

/** What is read at once. */
const pieceBytes = 1024 * 1024;

/**
 * Reads a file to its end. A piece holds until the next is asked for.
 *
 * @throws {HarborError} `interrupted`; the system's own errors
 */
export async function* readPieces(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    const buffer = new Uint8Array(pieceBytes);
    for (;;) {
      stopBackupIfAsked(signal);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
