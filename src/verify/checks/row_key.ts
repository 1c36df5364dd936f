import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import type { Column, Table } from "../../schema/snapshot.ts";
import { freeRowIdWord } from "../../sql/row_id.ts";
import type { Keyed } from "../rules/data_rules.ts";

/** By what the rows of a table are told apart and read slice by slice. */
export interface RowKey extends Keyed {
  /** What slices go by, which is never NULL, and how the highest of some rows is asked for; `null` where the table is read at once. */
  readonly cursor: { readonly name: string; readonly highest: SQL } | null;
  /** The columns of both, as a SELECT gives them. */
  readonly columns: readonly SQL[];
}

/** How an engine tells rows apart. */
interface Ids {
  /** By what, where they have no key. */
  wordOf(table: Table): string | null;
  /** Whether that has an order in which they are found. */
  readonly isOrdered: boolean;
  /** Whether a key of one column may be NULL. */
  mayBeNull(table: Table, column: string): boolean;
  /** Returns the highest value of a column in a form that has a max(). */
  highest(table: Table, column: string): SQL;
}

const ids: Readonly<Record<Dialect, Ids>> = {
  sqlite: {
    wordOf: (table) => isUnrowed(table) ? null : freeRowIdWord(table.columns),
    isOrdered: true,
    mayBeNull: (table, column) => !isUnrowed(table) && columnOf(table, column)?.notNull !== true,
    highest: (_, column) => sql`max(${sql.identifier(column)})`,
  },
  postgresql: {
    wordOf: () => "ctid",
    isOrdered: false,
    mayBeNull: () => false,
    highest(table, name) {
      const value = sql.identifier(name);
      const column = columnOf(table, name);
      if (column?.values !== undefined || haveMaximum.test(column?.type ?? "")) return sql`max(${value})`;
      // Their texts have the same order, and take no sorting.
      return /^(?:uuid|bytea)$/.test(column?.type ?? "")
        ? sql`max(CAST(${value} AS text))`
        : sql`(array_agg(CAST(${value} AS text) ORDER BY ${value} DESC))[1]`;
    },
  },
};

/** Types of PostgreSQL's that have a max(), whole names of them: a daterange has none. */
const haveMaximum =
  /^(?:smallint|integer|bigint|oid|real|double precision|numeric|money|text|character|date|time|timestamp|interval|inet)\b[^[]*$/;

function isUnrowed({ peculiarities = [] }: Table): boolean {
  return peculiarities.includes("WITHOUT ROWID");
}

function columnOf({ columns }: Table, wanted: string): Column | undefined {
  return columns.find(({ name }) => name === wanted);
}

/** Returns the key of a table's rows: its own, and without one that of the engine. */
export function rowKeyOf(dialect: Dialect, table: Table): RowKey {
  const { wordOf, isOrdered, mayBeNull, highest } = ids[dialect];
  const [first, ...more] = table.primaryKey;
  const word = wordOf(table);
  const isAlone = first !== undefined && more.length === 0 && !mayBeNull(table, first);
  const cursor = isAlone ? first : isOrdered ? word : null;
  const key = first !== undefined ? [first, ...more] : word === null ? [] : [word];
  return {
    key,
    cursor: cursor === null ? null : { name: cursor, highest: highest(table, cursor) },
    // A row id has another name in a subquery, unless it is given the same.
    columns: [...new Set(cursor === null ? key : [cursor, ...key])].map((name) =>
      sql`${sql.identifier(name)} AS ${sql.identifier(name)}`
    ),
  };
}
