import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { inSlice, type RowSlice } from "../../../engines/slices/rows.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import type { Table } from "../../../schema/snapshot.ts";
import { list } from "./words.ts";

/** What is summed up of the rows `t` of a table. */
export interface RowBytes {
  readonly table: string;
  /** Of each row. */
  readonly bytes: SQL;
  /** Of which rows; `null` for all. */
  readonly where: SQL | null;
}

/** What rows take in a database that tells how much more fits into it. */
export interface Sizes {
  /** What a row takes at least in a side table that gets these columns of it. */
  readonly inSideTable: (columns: readonly string[]) => SQL;
  /** What a row takes at least in a copy of its table with these columns, and in all indexes on them but for these. */
  readonly inCopy: (table: Table, columns: readonly string[], without: readonly string[]) => SQL;
  /** What a row's values of columns take. */
  readonly values: (columns: readonly string[]) => SQL;
  /** Asks for the sum of a slice, and how many rows are in it up to which one; without a slice, for the sum of all. */
  readonly sum: (rows: RowBytes, slice: RowSlice | null) => SQL;
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
    inSideTable: (columns) => sql`${sql.raw(String(rowBytes))} + ${valuesOf(columns)}`,
    inCopy,
    values: valuesOf,
    sum: ({ table, bytes, where }, slice) => {
      const source = ownTable(table);
      const wanted = where === null ? bytes : sql`CASE WHEN ${where} THEN ${bytes} END`;
      const total = sql`SELECT coalesce(sum(${wanted}), 0) AS bytes`;
      if (slice === null) return sql`${total}, 0 AS rows, NULL AS last FROM ${source} AS t`;
      const { id, where: isInside } = inSlice(table, slice);
      return sql`${total}, count(*) AS rows, max(${id}) AS last FROM ${source} AS t WHERE ${isInside}`;
    },
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
/** The same of an index, with what says of the row's number, which may take no more. */
const entryBytes = 5;

/** What nobody can tell of an index takes nothing: one on an expression, or of some rows. */
function inCopy(table: Table, columns: readonly string[], without: readonly string[]): SQL {
  const isIn = (name: string) => columns.includes(name);
  // The value of such a column is the row's number.
  const values = table.columns.filter(({ name, identity }) => isIn(name) && !identity).map(({ name }) =>
    name
  );
  const indexes = table.indexes.filter(({ name, where }) => where === null && !without.includes(name))
    .map((index) => index.columns.map((column) => column.replace(/ DESC$/, "")));
  const keys = [...indexes, ...table.uniques.map((unique) => unique.columns)].filter((key) =>
    key.every(isIn)
  );
  return sql.join([
    sql.raw(String(rowBytes + keys.length * entryBytes)),
    ...[values, ...keys].filter((names) => names.length > 0).map(valuesOf),
  ], sql` + `);
}

/** Each has a byte that says of what class and length it is. */
function valuesOf(columns: readonly string[]): SQL {
  return sql.join(columns.map((name) => sql`1 + ${valueOf(sql`t.${sql.identifier(name)}`)}`), sql` + `);
}

function valueOf(value: SQL): SQL {
  const upTo = widths.map(([bytes, most]) =>
    sql` WHEN ${value} BETWEEN ${sql.raw(`-${most} - 1 AND ${most} THEN ${bytes}`)}`
  );
  return sql`CASE typeof(${value}) WHEN 'text' THEN octet_length(${value}) WHEN 'null' THEN 0 WHEN 'real' THEN 8 WHEN 'integer' THEN CASE WHEN ${value} IN (0, 1) THEN 0${
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
