import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { stopBackupIfAsked } from "../stop_backup.ts";

/** How long a file is and what is in it. */
export interface FileDigest {
  readonly bytes: number;
  /** SHA-256, hex. */
  readonly sha256: string;
}

/**
 * Reads a file to its end and returns its digest.
 *
 * @throws {HarborError} `interrupted`; the system's own errors
 */
export async function digestFile(path: string, signal: AbortSignal): Promise<FileDigest> {
  const file = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(1024 * 1024);
    for (let bytes = 0;;) {
      stopBackupIfAsked(signal);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { bytes, sha256: hash.digest("hex") };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}
