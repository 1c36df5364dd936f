import { isOwnTable } from "../../../sql/own/tables.ts";
import { sql } from "drizzle-orm";
import { HarborError } from "../../../base/errors.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { nameOf } from "../../../sql/lexer.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { Database } from "../../database.ts";
import { hasPlan } from "../../plans/plan_each.ts";
import type { SeenQueries, SeenQuery } from "../../plans/query_planner.ts";

/** So many are looked at, those that ran most often first. */
const most = 1_000;

/** So many texts are read at once: what is no query may have run more often than all that are. */
const portion = 1_000;

/** What stands in the place of a text that this role may not see. */
const hidden = "<insufficient privilege>";

interface SeenRow {
  readonly id: string;
  readonly query: string | null;
}

/**
 * Reads the queries of this database out of `pg_stat_statements`, which keeps them without their values.
 *
 * @throws {HarborError} `bad_config` when the extension is not there, or this role may see nothing in it
 */
export async function readSeen(database: Database): Promise<SeenQueries> {
  const fail = (state: string, hint: string) =>
    new HarborError("bad_config", 'Cannot read queries from "pg_stat_statements"', { state, hint });
  const [extension] = await database.read<{ schema: string }>(
    sql`SELECT n.nspname::text AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
  );
  if (extension === undefined) {
    throw fail(
      "the extension is not in this database",
      "With shared_preload_libraries = 'pg_stat_statements' on the server, as a superuser: CREATE EXTENSION pg_stat_statements; or give a file: --queries queries.sql",
    );
  }
  const view = sql.raw(`${quoteName(extension.schema)}.pg_stat_statements`);
  const readRows = (offset: number) =>
    database.read<SeenRow>(
      sql`SELECT s.queryid::text AS id, s.query FROM ${view} s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() ORDER BY s.calls DESC, s.queryid LIMIT ${portion} OFFSET ${offset}`,
    ).catch((error: unknown) => {
      if (!(error instanceof HarborError) || error.code === "connection_failed") throw error;
      throw fail(
        error.state,
        "The server has to load it, and the role to have the right: shared_preload_libraries = 'pg_stat_statements'; GRANT pg_read_all_stats TO the role.",
      );
    });
  /** By their texts: each role that runs one has it again. */
  const queries = new Map<string, SeenQuery>();
  let unseen = 0;
  let read = portion;
  for (let offset = 0; read === portion && queries.size <= most; offset += portion) {
    const rows = await readRows(offset);
    read = rows.length;
    for (const { id, query } of rows) {
      if (query === null || query === hidden) unseen++;
      else if (!queries.has(query) && isQuery(query)) {
        queries.set(query, { place: `queryid ${id}`, sql: query });
      }
    }
  }
  if (queries.size === 0 && unseen > 0) {
    throw fail(
      "this role may see no query of others",
      "As a superuser: GRANT pg_read_all_stats TO the role.",
    );
  }
  return {
    queries: [...queries.values()].slice(0, most),
    remarks: [
      ...unseen > 0
        ? [
          `Of pg_stat_statements this role may not see all, which takes GRANT pg_read_all_stats; not looked at: ${unseen}.`,
        ]
        : [],
      ...queries.size > most
        ? [`Of pg_stat_statements the ${most} queries were looked at that ran most often.`]
        : [],
    ],
  };
}

/** Most of what else is there opens and ends transactions. What names a table of harbor-db's own is none of the application's. */
function isQuery(text: string): boolean {
  try {
    return hasPlan(text, "postgresql") &&
      !tokensOf(text, "postgresql").some((token) => isOwnTable(nameOf(token) ?? ""));
  } catch {
    return false;
  }
}
