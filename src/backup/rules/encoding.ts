import type { Compression } from "./manifest.ts";

/** How a file is stored: compressed, encrypted, both or neither. */
export interface Encoding {
  readonly compression: Compression | null;
  /** Who can decrypt it, as age writes recipients; empty for no encryption. */
  readonly recipients: readonly string[];
}

const compressionSuffixes: Readonly<Record<Compression, string>> = { zstd: ".zst", gzip: ".gz" };

/** Returns the ending of a file that is stored so, after its engine's; empty for a copy as it is. */
export function encodingSuffix({ compression, recipients }: Encoding): string {
  const compressed = compression === null ? "" : compressionSuffixes[compression];
  return compressed + (recipients.length > 0 ? ".age" : "");
}
