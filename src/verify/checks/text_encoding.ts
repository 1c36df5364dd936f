import { isUtf8 } from "node:buffer";
import { type Name, type SQL, sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";

/**
 * Is true for a text of SQLite's that may have other bytes than ASCII's. Neither a pattern nor length() sees anything behind a
 * zero byte, which leaves the text longer in bytes.
 */
export function isBeyondAscii(text: SQL | Name): SQL {
  return sql`(${text} GLOB ${"*[^\u0001-\u007f]*"} OR length(${text}) <> length(CAST(${text} AS BLOB)))`;
}

/** Returns how a SQLite file writes its texts: `UTF-8`, `UTF-16le` or `UTF-16be`. */
export async function readEncoding(database: Database): Promise<string> {
  const [row] = await database.read<{ encoding: string }>(sql`PRAGMA encoding`);
  return row!.encoding;
}

/** Says whether the bytes of a text are one in the file's encoding. */
export function isWellFormed(bytes: Uint8Array, encoding: string): boolean {
  if (encoding === "UTF-8") return isUtf8(bytes);
  try {
    new TextDecoder(encoding.toLowerCase(), { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
