import { createHash } from "node:crypto";
import { readPieces } from "./read_pieces.ts";

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
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of readPieces(path, signal)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
