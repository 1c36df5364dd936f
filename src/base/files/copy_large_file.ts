import { chmodSync, closeSync, constants, copyFileSync, openSync } from "node:fs";
import { flush } from "./flush.ts";
import { readPieces } from "./read_pieces.ts";
import { writeFlushing } from "./write_flushing.ts";
import { removeFileSync } from "./remove_sync.ts";

/**
 * Copies a file into a folder of this process's own, to a new one that nobody else may read and that is on the disk then. Where
 * the file system can, both share what neither changes.
 *
 * @throws {HarborError} `interrupted`; the system's own errors
 */
export async function copyLargeFile(from: string, to: string, signal: AbortSignal): Promise<void> {
  // Runtimes forget to refuse a file that is there when they are asked for a clone.
  closeSync(openSync(to, "wx", 0o600));
  if (isCloned(from, to)) {
    // A clone gets the rights of what it is of.
    chmodSync(to, 0o600);
    return flush(to);
  }
  // The binary's runtime takes it away where it cannot clone, and the others leave it.
  removeFileSync(to);
  await writeFlushing(to, readPieces(from, signal));
}

/** Clones a file to a new one, where the file system can, and says whether it did. */
export function isCloned(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  }
}
