import { loadModule, parseSync, SqlError } from "libpg-query";
import { HarborError } from "../../base/errors.ts";

/** PostgreSQL's own parser, compiled to WebAssembly. */
export interface PostgresParser {
  /**
   * Returns the tree of one statement (`{ AlterTableStmt: … }`).
   * @throws {HarborError} `bad_script` with what PostgreSQL says; `details.offset` is where in the text
   */
  parse(sql: string): unknown;
  /**
   * Refuses what `parse` refuses, and parses no text again that it took.
   * @throws {HarborError} `bad_script`
   */
  refuse(sql: string): void;
}

/** Texts that the parser took. Whoever asks has them in memory anyway. */
const taken = new Set<string>();

/** Loads the parser of PostgreSQL 18, which takes what the versions before it take; 1.7 megabytes of WebAssembly. */
export async function loadPostgresParser(): Promise<PostgresParser> {
  await loadModule();
  return {
    parse,
    refuse(sql) {
      if (!taken.has(sql)) parse(sql);
    },
  };
}

function parse(sql: string): unknown {
  try {
    const { stmts = [] } = parseSync(sql);
    taken.add(sql);
    return stmts[0]?.stmt ?? {};
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new HarborError("bad_script", "Cannot parse the statement", {
      state: error.message,
      details: { offset: error.sqlDetails?.cursorPosition ?? 0 },
      cause: error,
    });
  }
}
