import { sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import type { Database } from "../../../engines/database.ts";
import type { Kept } from "../../../engines/kept_table.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import { list, words } from "./words.ts";

const id = sql.identifier;

/** Returns what makes rows of a side table found by their keys. */
export function keyIndexOf({ sideTable, keys }: Kept): readonly SQL[] {
  return [
    sql`CREATE INDEX IF NOT EXISTS ${id(`${sideTable}_keys`)} ON ${ownTable(sideTable)} (${
      list(keys.map(id))
    })`,
  ];
}

/** Returns the expressions that count what is in a side table. */
export function countsOf(dialect: Dialect, { sideTable, keys, columns }: Kept) {
  return {
    rows: sql`(SELECT count(*) FROM ${ownTable(sideTable)})`,
    bytes: words[dialect].bytes(sideTable, [...keys, ...columns.map(({ name }) => name)]),
  };
}

/** Returns the names of the columns of a side table, or of one that was handed over. */
export async function columnsOf(database: Database, table: string): Promise<readonly string[]> {
  const [row] = await database.read<Readonly<Record<string, unknown>>>(
    // A row also of an empty one.
    sql`SELECT k.* FROM (SELECT 1) AS one LEFT JOIN ${ownTable(table)} AS k ON TRUE LIMIT 1`,
  );
  return Object.keys(row!);
}

/** Counts the rows of a side table. */
export async function countOf(database: Database, { sideTable }: Kept): Promise<number> {
  const [found] = await database.read<{ readonly size: number | bigint | string }>(
    sql`SELECT count(*) AS size FROM ${ownTable(sideTable)}`,
  );
  return Number(found!.size);
}
