import { isUtf8 } from "node:buffer";
import { type Name, type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import type { Database } from "../../engines/database.ts";

/**
 * Is true for a text of SQLite's that may have other bytes than ASCII's. Neither a pattern nor length() sees anything behind a
 * zero byte, which leaves the text longer in bytes.
 */
export function isBeyondAscii(text: SQL | Name): SQL {
  return sql`(${text} GLOB ${"*[^\u0001-\u007f]*"} OR length(${text}) <> length(CAST(${text} AS BLOB)))`;
}

/** How a database keeps its texts. */
export interface TextEncoding {
  /** SQLite's `UTF-8`, `UTF-16le` or `UTF-16be`, or PostgreSQL's name. */
  readonly name: string;
  /** Whether it takes any bytes for a text. */
  readonly isLoose: boolean;
  bytesOf(text: SQL | Name): SQL;
  /** The same for people, in whose words a column stands. */
  bytesText(column: string): string;
  /** Is true for what may be no text. */
  mayBeOther(text: SQL | Name): SQL;
}

const readers: Readonly<Record<Dialect, (database: Database) => Promise<TextEncoding>>> = {
  async sqlite(database) {
    const [row] = await database.read<{ encoding: string }>(sql`PRAGMA encoding`);
    return {
      name: row!.encoding,
      isLoose: true,
      bytesOf: (text) => sql`CAST(${text} AS BLOB)`,
      bytesText: (column) => `hex(CAST(${column} AS BLOB))`,
      mayBeOther: (text) => sql`typeof(${text}) = 'text' AND ${isBeyondAscii(text)}`,
    };
  },
  async postgresql(database) {
    const [row] = await database.read<{ encoding: string }>(
      sql`SELECT getdatabaseencoding()::text AS encoding`,
    );
    return {
      name: row!.encoding,
      // In any other encoding the server refuses what is no text.
      isLoose: row!.encoding === "SQL_ASCII",
      bytesOf: (text) => sql`convert_to(CAST(${text} AS text), 'SQL_ASCII')`,
      bytesText: (column) => `convert_to(CAST(${column} AS text), 'SQL_ASCII')`,
      mayBeOther: (text) => sql`CAST(${text} AS text) ~ ${"[^\\x01-\\x7f]"}`,
    };
  },
};

/** Returns how a database keeps its texts. */
export function readEncoding(database: Database): Promise<TextEncoding> {
  return readers[database.dialect](database);
}

/** Says whether the bytes of a text are one in its encoding; where that is any, whether they are UTF-8. */
export function isWellFormed(bytes: Uint8Array, encoding: string): boolean {
  if (!/^UTF-16/.test(encoding)) return isUtf8(bytes);
  try {
    new TextDecoder(encoding.toLowerCase(), { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
