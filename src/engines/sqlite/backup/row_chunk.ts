import { createHash } from "node:crypto";
import type { SqliteValue } from "../connection/statement.ts";

/** Some rows of a table, on their way from one database into another. */
export interface RowChunk {
  readonly count: number;
  /** The rows' texts, of which digests are made. */
  readonly text: string;
  /** The rows as a JSON array of arrays, which SQLite can take apart by itself, or as values where JSON will not do. */
  readonly content: { readonly json: string } | { readonly values: readonly (readonly SqliteValue[])[] };
}

/** Makes a chunk of rows that SQLite has written as JSON, each of them ending with a line feed but the last. */
export function chunkOfLines(lines: string, count: number): RowChunk {
  // No JSON text holds a line feed.
  return {
    count,
    text: lines.replaceAll("\n", ""),
    content: { json: `[${lines.replaceAll("\n", ",")}]` },
  };
}

/** Passes the chunks of a table on, and returns the digest of all of them. */
export async function digestChunks(
  chunks: AsyncIterable<RowChunk> | Iterable<RowChunk>,
  pass: (chunk: RowChunk) => void | Promise<void> = () => {},
): Promise<{ readonly rows: number; readonly digest: string }> {
  const hash = createHash("sha256");
  let rows = 0;
  for await (const chunk of chunks) {
    hash.update(chunk.text);
    rows += chunk.count;
    await pass(chunk);
  }
  return { rows, digest: hash.digest("hex") };
}
