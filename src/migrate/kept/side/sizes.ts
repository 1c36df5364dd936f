import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import { list } from "./words.ts";

/** What rows take in a database that tells how much more fits into it. */
export interface Sizes {
  /** At least what a side table takes for columns of a table's rows `t`: of those of a condition, or of all. */
  readonly inSideTable: (table: string, columns: readonly string[], where: SQL | null) => SQL;
  /** What values of columns take in all rows of a table. */
  readonly inTable: (table: string, columns: readonly string[]) => SQL;
  /** Asks for what tables and their indexes take, as {@link Stored}. */
  readonly stored: (tables: readonly string[]) => SQL;
}

/** A table or an index as it is stored. */
export interface Stored {
  readonly name: string;
  readonly table: string;
  readonly bytes: number;
  /** Of that, what nothing is in. */
  readonly unused: number;
}

/** See {@link Sizes}; `null` where no database tells how much more fits into it. */
export const sizes: Readonly<Record<Dialect, Sizes | null>> = {
  sqlite: {
    inSideTable: (table, columns, where) =>
      sum(sql`${sql.raw(String(rowBytes))} + ${valuesOf(columns)}`, table, where),
    inTable: (table, columns) => sum(valuesOf(columns), table, null),
    stored: (tables) =>
      sql`SELECT m.name, m.tbl_name AS "table", s.pgsize AS bytes, s.unused FROM sqlite_schema AS m
      CROSS JOIN dbstat AS s ON s.name = m.name AND s.aggregate = TRUE WHERE lower(m.tbl_name) IN (${
        list(tables.map((name) => sql`lower(${name})`))
      })`,
  },
  postgresql: null,
};

/** The place in its page, of two bytes; of one each the lengths of the row and of its head, its number, and what says that it has one. */
const rowBytes = 6;

function sum(bytes: SQL, table: string, where: SQL | null): SQL {
  return sql`(SELECT coalesce(sum(${bytes}), 0) FROM ${ownTable(table)} AS t${
    where === null ? sql`` : sql` WHERE ${where}`
  })`;
}

/** Each has a byte that says of what class and length it is. */
function valuesOf(columns: readonly string[]): SQL {
  return sql.join(columns.map((name) => sql`1 + ${valueOf(sql`t.${sql.identifier(name)}`)}`), sql` + `);
}

function valueOf(value: SQL): SQL {
  const upTo = widths.map(([bytes, most]) =>
    sql` WHEN ${value} BETWEEN ${sql.raw(`-${most} - 1 AND ${most} THEN ${bytes}`)}`
  );
  return sql`CASE typeof(${value}) WHEN 'null' THEN 0 WHEN 'real' THEN 8 WHEN 'integer' THEN CASE WHEN ${value} IN (0, 1) THEN 0${
    sql.join(upTo)
  } ELSE 8 END ELSE octet_length(${value}) END`;
}

/** How many bytes an integer takes up to which one. */
const widths = [
  [1, "127"],
  [2, "32767"],
  [3, "8388607"],
  [4, "2147483647"],
  [6, "140737488355327"],
] as const;
