import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../base/dialect.ts";
import { rowsOfForm } from "../base/row_form.ts";
import type { Database } from "./database.ts";
import { readIfThere } from "./version_table.ts";
import { ownTable } from "./statement_names.ts";

/** What drizzle's own migrator put on record of a script that it ran. */
export interface DrizzleRow {
  /** SHA-256 of the script's bytes, hex. */
  readonly hash: string;
  /** The date of the script in the journal, in milliseconds since 1970; `null` where nothing is known. */
  readonly createdAt: number | null;
  /** The script's folder, from drizzle-orm 1.0 on; else `null`. */
  readonly name: string | null;
}

/** A table in which drizzle's own migrator keeps what it ran. */
export interface DrizzleTable {
  /** As it is shown: without its schema where that is the usual one. */
  readonly name: string;
  readonly rows: readonly DrizzleRow[];
}

/** The name that it has where nobody configured another. */
const usualName = "__drizzle_migrations";

/** Longer ones are no histories: somebody's table that happens to have the same columns. */
const longest = 10_000;

/**
 * Reads all tables that have the columns of those in which drizzle's own migrator keeps what it ran, 0.x and 1.0. By them,
 * since name and schema are whatever the project's configuration says, which a database does not have.
 */
export async function readDrizzleTables(database: Database): Promise<readonly DrizzleTable[]> {
  const question = { table: usualName, form: placeForm, query: places[database.dialect] };
  // A file that does not exist has no catalog either.
  const found = await readIfThere(database, question) ?? [];
  const tables: DrizzleTable[] = [];
  for (const { schema, table, named } of found) {
    const place = schema === null ? ownTable(table) : sql`${sql.identifier(schema)}.${sql.identifier(table)}`;
    const rows = rowsOfForm(
      table,
      rowForm,
      await database.read(
        sql`SELECT CAST(hash AS TEXT) AS hash, CAST(created_at AS TEXT) AS created_at, ${
          Number(named) > 0 ? sql`CAST(name AS TEXT)` : sql`NULL`
        } AS name FROM ${place} LIMIT ${longest + 1}`,
      ),
    );
    if (rows.length > longest) continue;
    tables.push({
      name: table === usualName || schema === null ? table : `${schema}.${table}`,
      rows: rows.map(({ hash, created_at: date, name }) => ({
        hash: hash ?? "",
        createdAt: date === null || Number.isNaN(Number(date)) ? null : Number(date),
        name,
      })),
    });
  }
  return tables;
}

/** Whether a table has the name that drizzle's migrator gives its own, unless it is told another. */
export function isUsualName({ name }: DrizzleTable): boolean {
  return name === usualName;
}

const placeForm = { schema: "text?", table: "text", named: "count" } as const;
const rowForm = { hash: "text?", created_at: "text?", name: "text?" } as const;

const oldColumns = sql`('id', 'hash', 'created_at')`;
const newColumns = sql`('name', 'applied_at')`;

const places: Readonly<Record<Dialect, SQL>> = {
  sqlite:
    sql`SELECT NULL AS "schema", m.name AS "table", sum(x.name = 'name') AS named FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS x WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL %' GROUP BY m.name HAVING sum(x.name IN ${oldColumns}) = 3 AND sum(x.name IN ${newColumns}) = count(*) - 3 ORDER BY m.name`,
  // Only tables, and types that the server brings: reading them runs nobody's code.
  postgresql:
    sql`SELECT n.nspname::text AS "schema", c.relname::text AS "table", count(*) FILTER (WHERE a.attname = 'name') AS named FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') GROUP BY n.nspname, c.relname HAVING count(*) FILTER (WHERE a.attname IN ${oldColumns}) = 3 AND count(*) FILTER (WHERE a.attname IN ${newColumns}) = count(*) - 3 AND bool_and(a.atttypid < 16384) ORDER BY 1, 2`,
};
