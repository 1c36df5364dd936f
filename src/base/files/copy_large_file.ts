import { closeSync, constants, copyFileSync, openSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { stopBackupIfAsked } from "../stop_backup.ts";
import { flush } from "./flush.ts";
import { writeFlushing } from "./write_flushing.ts";

/** What is read at once. */
const pieceBytes = 1024 * 1024;

/**
 * Copies a file into a folder of this process's own, to a new one that nobody else may read and that is on the disk then. Where
 * the file system can, both share what neither changes.
 *
 * @throws {HarborError} `interrupted`; the system's own errors
 */
export async function copyLargeFile(from: string, to: string, signal: AbortSignal): Promise<void> {
  // Runtimes forget to refuse a file that is there when they are asked for a clone.
  closeSync(openSync(to, "wx", 0o600));
  if (isCloned(from, to)) return flush(to);
  // The binary's runtime takes it away where it cannot clone, and the others leave it.
  rmSync(to, { force: true });
  await writeFlushing(to, piecesOf(from, signal));
}

function isCloned(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
}

async function* piecesOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
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
