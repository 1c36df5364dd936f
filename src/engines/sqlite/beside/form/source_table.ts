import { foldName } from "../../../../base/fold_name.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { freeRowIdWord } from "../../../../sql/row_id.ts";
import { foldedName, tokensOf } from "../../../../sql/cursor.ts";
import { readIndex } from "../../ddl.ts";
import type { SqliteStatement, SqliteValue } from "../../connection/statement.ts";

/** Runs a query. */
export type Rows = <Row>(statement: SqliteStatement) => readonly Row[];

/** A table that others write to meanwhile. */
export interface SourceTable {
  readonly name: string;
  /** Its `CREATE TABLE`. */
  readonly sql: string;
  readonly columns: readonly SourceColumn[];
  /** The column that is the row id; `null` where it has no name of its own, so that VACUUM may give rows other ones. */
  readonly rowIdColumn: string | null;
  /** How statements call the row id, in quotes. */
  readonly rowId: string;
  readonly isStrict: boolean;
  readonly uniqueKeys: readonly UniqueKey[];
}

/** A column as `PRAGMA table_xinfo` tells it. */
export interface SourceColumn {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  /** 2 and 3 for a generated column. */
  readonly hidden: number;
}

/** What no two rows may have the same of, so that `REPLACE` removes a row for another one. */
export interface UniqueKey {
  /** Each an expression with its collation, to stand where the table's columns have their bare names. */
  readonly parts: readonly string[];
  /** The condition of a partial index. */
  readonly where: string | null;
}

/** Reads what is needed to follow a table's changes; `null` for one that cannot be followed by its row ids. */
export function readSourceTable(rows: Rows, table: string): SourceTable | null {
  const [found] = rows<{ name: string; sql: string; wr: number; strict: number }>(asked(
    `SELECT m.name, m.sql, l.wr, l.strict FROM sqlite_schema m JOIN pragma_table_list l ON l.schema = 'main' AND l.name = m.name WHERE m.type = 'table' AND l.type = 'table' AND lower(m.name) = lower(?)`,
    table,
  ));
  if (found === undefined || found.wr !== 0) return null;
  const { name, sql } = found;
  const columns = rows<SourceColumn>(asked("SELECT * FROM pragma_table_xinfo(?)", name));
  const indexes = rows<{ name: string; unique: number; origin: string; sql: string | null }>(asked(
    `SELECT l.name, l."unique", l.origin, m.sql FROM pragma_index_list(?) l LEFT JOIN sqlite_schema m ON m.type = 'index' AND m.name = l.name`,
    name,
  ));
  const key = columns.filter(({ pk }) => pk > 0);
  // A key that SQLite makes an index for is no alias of the row id: INTEGER PRIMARY KEY DESC.
  const isAlias = key.length === 1 && key[0]!.type.toUpperCase() === "INTEGER" &&
    !indexes.some(({ origin }) => origin === "pk");
  const rowIdColumn = isAlias ? key[0]!.name : null;
  const rowId = rowIdColumn ?? rowidOf({ columns });
  if (rowId === "") return null;
  return {
    name,
    sql,
    columns,
    rowIdColumn,
    rowId: quoteName(rowId),
    isStrict: found.strict !== 0,
    uniqueKeys: indexes.filter(({ unique }) => unique !== 0).map((index) => uniqueKey(rows, index)),
  };
}

/** Returns a name for the row id that no column has; "" when all are taken. */
export function rowidOf({ columns }: { readonly columns: readonly { readonly name: string }[] }): string {
  return freeRowIdWord(columns) ?? "";
}

function uniqueKey(
  rows: Rows,
  { name, sql }: { readonly name: string; readonly sql: string | null },
): UniqueKey {
  const read = sql === null ? null : readIndex(sql);
  const parts = rows<{ name: string | null; coll: string }>(
    asked("SELECT name, coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno", name),
  ).map((part, at) => {
    const expression = part.name === null ? read!.columns[at]!.replace(/ DESC$/, "") : quoteName(part.name);
    return `(${expression}) COLLATE ${quoteName(part.coll)}`;
  });
  return { parts, where: read?.where ?? null };
}

/** Returns the columns that a text may name: all that it needs, and at worst some more. */
export function columnsNamed(text: string, columns: readonly SourceColumn[]): readonly SourceColumn[] {
  const names = new Set(tokensOf(text, "sqlite").map((token) => foldedName(token, "sqlite")));
  return columns.filter(({ name }) => names.has(foldName(name)));
}

function asked(text: string, ...values: readonly SqliteValue[]): SqliteStatement {
  return { text, values };
}
