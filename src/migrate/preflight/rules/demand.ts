import type { Dialect } from "../../../base/dialect.ts";
import type { Table } from "../../../schema/snapshot.ts";
import { markedTable, writeOwnTables } from "../../../sql/own/schema.ts";
import { quoteTable } from "../../../sql/table_names.ts";
import { quoteName } from "../../../sql/quote.ts";

/** What the rows of a table must be like for a schema to be put over them. */
export interface Demand {
  readonly kind: "null" | "duplicate" | "too long" | "out of range" | "unreadable" | "not allowed" | "orphan";
  readonly table: string;
  /** The columns that it is about. */
  readonly columns: readonly string[];
  /** All that its query reads, by the names that the schema to come has for it. */
  readonly reads: readonly ReadColumn[];
  /** What is wrong with the rows that break it, in words that follow their number: `have an email that …`. */
  readonly state: string;
  /** A SELECT of the rows that break it, their key first, for people. */
  readonly query: string;
  /** The same to be run, with its tables marked as the own schema's. */
  readonly look: string;
  /** Whether it holds an expression of the schema, whose names are not ours to qualify. */
  readonly hasExpression: boolean;
  /** The type that the values are of, where the condition goes by it. */
  readonly from?: string | undefined;
}

/** A column that a demand's query reads. */
export interface ReadColumn {
  readonly table: string;
  readonly column: string;
  /** Whether it stands in an expression, to which NULL may be as good as a value. */
  readonly isTested: boolean;
}

/** Whether what a live schema declares can be relied on. */
export interface Trust {
  readonly lengths: boolean;
  readonly references: boolean;
  /** That there is in a column what its type says. */
  readonly types: boolean;
}

/** What the demands of a table are worked out of. */
export interface DemandSources {
  readonly dialect: Dialect;
  readonly schemas: readonly string[] | undefined;
  readonly table: Table;
  /** The live table. */
  readonly found: Table;
  readonly tables: ReadonlyMap<string, Table>;
  readonly trust: Trust;
}

/** Makes a demand of the condition that the rows which break it meet. */
export function demand(
  { kind, columns, also = [], state, condition, order = [], hasExpression = false }:
    & Pick<Demand, "kind" | "columns" | "state">
    & {
      readonly condition: string;
      /** What an expression in the condition names. */
      readonly also?: readonly string[];
      /** What the rows come in the order of, before their key, as it stands in SQL. */
      readonly order?: readonly string[];
      readonly hasExpression?: boolean;
    },
  { table, found, schemas }: DemandSources,
): Demand {
  const keyed = found.primaryKey.length > 0 ? found.primaryKey : [found.columns[0]!.name];
  const key = keyed.filter((name) => table.columns.some((column) => column.name === name));
  const names = (list: readonly string[]) => [...new Set(list)].map(quoteName).join(", ");
  // Not all types have an order: json has none.
  const sorted = [...new Set([...order, ...key.map(quoteName)])].join(", ");
  const look = `SELECT ${names([...key, ...columns])} FROM ${markedTable(table.name)} WHERE ${condition}${
    sorted === "" ? "" : ` ORDER BY ${sorted}`
  }`;
  const reads = [...new Set([...key, ...columns, ...also])].map((column) => ({
    table: table.name,
    column,
    isTested: also.includes(column),
  }));
  const query = writeOwnTables(look, (name) => quoteTable(name, schemas));
  return { kind, table: table.name, columns, reads, state, query, look, hasExpression };
}
