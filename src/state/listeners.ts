import { isSideTable, ownTableNames } from "../sql/own/tables.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../base/dialect.ts";
import { quoteName } from "../sql/quote.ts";
import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";

/** What is called by itself when one of harbor-db's own tables changes, and could keep a row out of it, or in it, without an error. */
export interface Listener {
  readonly kind: "trigger" | "rule";
  readonly name: string;
  /** The table of harbor-db's own that it hangs on. */
  readonly table: string;
}

/** What never fires is no listener. Anybody's table may begin with `harbor_`. */
const queries: Readonly<Record<Dialect, (schema: string | undefined) => SQL>> = {
  sqlite: () =>
    sql`SELECT type AS kind, name, lower(tbl_name) AS "table" FROM sqlite_schema WHERE type = 'trigger'
    AND lower(tbl_name) GLOB 'harbor_*' ORDER BY 3, 2`,
  postgresql: (schema) =>
    sql`SELECT hung.kind, hung.name, c.relname::text AS "table" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
      SELECT 'trigger', tgname::text FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D'
      UNION ALL SELECT 'rule', rulename::text FROM pg_rewrite WHERE ev_class = c.oid AND ev_enabled <> 'D'
    ) AS hung (kind, name)
    WHERE n.nspname = ${schema} AND c.relkind IN ('r', 'p') AND c.relname LIKE 'harbor\\_%'
    ORDER BY c.relname COLLATE "C", hung.name COLLATE "C"`,
};

/** Reads what hangs on harbor-db's own tables; it makes none there itself. */
export async function readListeners(database: Database): Promise<readonly Listener[]> {
  const found = await database.read<Listener>(queries[database.dialect](database.schema));
  // A table that goes is the application's with all that hangs on it, under another name.
  return found.filter(({ table }) => ownTableNames.includes(table) || isSideTable(table));
}

/** Says for people what is wrong with a listener. */
export function listenerWords({ kind, name, table }: Listener): string {
  return `the ${kind} ${name} hangs on ${table}, a table of harbor-db's own`;
}

/** Only PostgreSQL's names stand for one table each. */
const placeOf: Readonly<Record<Dialect, (table: string) => string>> = {
  sqlite: () => "",
  postgresql: (table) => ` ON ${table}`,
};

/** Returns the statement that takes a listener away. */
export function dropListener(dialect: Dialect, { kind, name, table }: Listener): string {
  return `DROP ${kind.toUpperCase()} ${quoteName(name)}${placeOf[dialect](quoteName(table))}`;
}

/**
 * Makes sure before anything is written that nothing hangs on harbor-db's own tables.
 *
 * @param what What is begun, as the beginning of a sentence
 * @throws {HarborError} `schema_mismatch`, with nothing changed
 */
export async function requireNoListeners(database: Database, what: string): Promise<void> {
  const error = await listenersError(database, what);
  if (error !== null) throw error;
}

/**
 * Returns the error where something hangs on harbor-db's own tables, and so could keep what is written there from being written; `null`
 * where nothing does. What it does is not asked: it may go by what is written.
 */
export async function listenersError(database: Database, what: string): Promise<HarborError | null> {
  const listeners = await readListeners(database);
  if (listeners.length === 0) return null;
  return new HarborError("schema_mismatch", what, {
    state: `${listeners.map(listenerWords).join("; ")}: it could keep the record from being written`,
    hint: `Nothing was changed. Take it away, and run the same command again: ${
      listeners.map((each) => dropListener(database.dialect, each)).join("; ")
    }`,
    details: { listeners },
  });
}
