import type { Dialect } from "../../../base/dialect.ts";
import type { Table } from "../../../schema/snapshot.ts";
import { markedTable, writeOwnTables } from "../../../sql/own/schema.ts";
import { placeOfName, quoteTable } from "../../../sql/table_names.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";

/** What the rows of a table must be like for a schema to be put over them. */
export interface Demand {
  readonly kind: "null" | "duplicate" | "too long" | "unreadable" | "not allowed" | "orphan";
  readonly table: string;
  /** The columns that it is about. */
  readonly columns: readonly string[];
  /** What its rows are told apart by: the columns of the key, else the first column. */
  readonly key: readonly string[];
  /** All that its query reads, by the names that the schema to come has for it. */
  readonly reads: readonly ReadColumn[];
  /** What is wrong with the rows that break it, in words that follow their number: `have an email that …`. */
  readonly state: string;
  /** A SELECT of the rows that break it, their key first, for people; behind a function of the session's, where it takes one. */
  readonly query: string;
  /** The same to be run, with its tables marked as the own schema's; where rows break it by what becomes of them, a SELECT of all. */
  readonly look: string;
  /** What is true of a row of the table that breaks it, where that is told by the row alone and by names of ours. */
  readonly condition?: string | undefined;
  /** What becomes of the rows, where those break it of which that cannot be worked out. */
  readonly work?: Work | undefined;
  /** Whether it holds an expression of the schema, or compares values of a type of the user's, whose names are not ours to qualify. */
  readonly hasExpression: boolean;
  /** The type that the values are of, where the condition goes by it. */
  readonly from?: string | undefined;
  /** Whether it reads a table of the host's, which this role may not be allowed to. */
  readonly readsHost?: boolean;
}

/** What becomes of a column. */
export interface Work {
  readonly column: string;
  /** An expression of the column alone. */
  readonly value: string;
  /** The column by which rows are told apart. */
  readonly named: string;
  /** The columns in whose order they come: those of the key. */
  readonly order: readonly string[];
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
  { kind, columns, also = [], state, condition, value, order = [], isCalled = false, hasExpression = false }:
    & Pick<Demand, "kind" | "columns" | "state">
    & {
      /** Left out where those break it of which `value` cannot be worked out. */
      readonly condition?: string;
      /** What becomes of the column. */
      readonly value?: string;
      /** What an expression in the condition names. */
      readonly also?: readonly string[];
      /** What the rows come in the order of, before their key, as it stands in SQL. */
      readonly order?: readonly string[];
      /** Whether the condition calls the table by its name, which is its whole one also of a table in a schema of its own. */
      readonly isCalled?: boolean;
      readonly hasExpression?: boolean;
    },
  { table, found, schemas }: DemandSources,
): Demand {
  const keyed = found.primaryKey.length > 0 ? found.primaryKey : [found.columns[0]!.name];
  const key = keyed.filter((name) => table.columns.some((column) => column.name === name));
  const names = (list: readonly string[]) => [...new Set(list)].map(quoteName).join(", ");
  const sorted = [...new Set([...order, ...key.map(quoteName)])].join(", ");
  const [column = ""] = columns;
  // Not all types have an order: json has none.
  const inOrder = found.primaryKey.length > 0 ? key : [];
  const work = value === undefined ? undefined : { column, value, named: key[0] ?? column, order: inOrder };
  const isElsewhere = placeOfName(table.name, schemas ?? []).schema !== null;
  const alias = isCalled && isElsewhere ? ` AS ${quoteName(table.name)}` : "";
  const all = `SELECT ${names([...key, ...columns])} FROM ${markedTable(table.name)}${alias}`;
  const look = work !== undefined
    ? all
    : `${all} WHERE ${condition}${sorted === "" ? "" : ` ORDER BY ${sorted}`}`;
  const reads = [...new Set([...key, ...columns, ...also])].map((column) => ({
    table: table.name,
    column,
    isTested: also.includes(column),
  }));
  const from = kind === "unreadable" ? found.columns.find(({ name }) => name === column)?.type : undefined;
  const shown = work !== undefined ? [work.named] : key.length > 0 ? key : [column];
  const isOfRow = condition !== undefined && !hasExpression && ["null", "too long"].includes(kind);
  const facts = {
    kind,
    table: table.name,
    columns,
    key: shown,
    reads,
    state,
    look,
    ...isOfRow ? { condition } : {},
    work,
    hasExpression,
    from,
  };
  return { ...facts, query: queryOf(facts, schemas) };
}

/** Writes a demand's look for people. */
export function queryOf(
  { look, work, from = "text" }: Pick<Demand, "look" | "work" | "from">,
  schemas: readonly string[] | undefined,
): string {
  const shown = writeOwnTables(look, (name) => quoteTable(name, schemas));
  if (work === undefined) return shown;
  const column = quoteName(work.column);
  const body = `BEGIN PERFORM ${work.value}; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END`;
  const order = work.order.length === 0 ? "" : ` ORDER BY ${work.order.map(quoteName).join(", ")}`;
  // Another column's may be there, whose parameter has another name.
  return `DROP FUNCTION IF EXISTS pg_temp.fits(${from}); CREATE FUNCTION pg_temp.fits(${column} ${from}) RETURNS boolean LANGUAGE plpgsql AS ${
    quoteText(body)
  }; ${shown} WHERE NOT pg_temp.fits(${column})${order}`;
}
