import type { DatabaseSync } from "node:sqlite";
import { quoteName } from "../../../sql/quote.ts";
import { chunkOfLines, type RowChunk } from "../../sqlite/backup/row_chunk.ts";
import {
  countRows,
  type DefinitionRow,
  definitionsQuery,
  refuseUnlessAll,
  type SqliteStoredTable,
  storedTables,
  tablesQuery,
  type TablesRow,
} from "../../sqlite/backup/content.ts";
import { prepare } from "../../sqlite/connection/open_file.ts";
import { anyRowSql, plainRowSql, realsText } from "../../sqlite/backup/row_text.ts";
import type { SqliteValue } from "../../sqlite/connection/statement.ts";

/** What is in a copy beside its rows. */
export interface StoredCopy {
  readonly definitions: readonly DefinitionRow[];
  readonly tables: readonly SqliteStoredTable[];
  /** What AUTOINCREMENT counts from; `null` where there is no such table. */
  readonly sequences: readonly { readonly name: string; readonly seq: bigint }[] | null;
}

/** Characters of rows that are put together. */
const chunkSize = 256 * 1024;
/** Values that one statement takes, well below the 32,766 that SQLite allows. */
const mostValues = 2_000;

/** Reads a copy's definitions. */
export function readCopy(handle: DatabaseSync): StoredCopy {
  const rows = <Row>(text: string) => prepare(handle, text).all() as unknown as readonly Row[];
  const hasSequences = rows("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").length > 0;
  return {
    definitions: rows<DefinitionRow>(definitionsQuery),
    tables: storedTables(rows<TablesRow>(tablesQuery)),
    sequences: hasSequences ? rows("SELECT name, seq FROM sqlite_sequence") : null,
  };
}

/** Reads a copy's table piece by piece, in the order in which it is stored. */
export function* readCopyRows(handle: DatabaseSync, table: SqliteStoredTable): Generator<RowChunk> {
  let rows = 0;
  for (const chunk of readChunks(handle, table)) {
    rows += chunk.count;
    yield chunk;
  }
  refuseUnlessAll(table, { expected: countRows(handle, table), rows });
}

function* readChunks(handle: DatabaseSync, table: SqliteStoredTable): Generator<RowChunk> {
  const from = `FROM ${quoteName(table.name)}${
    table.order.length === 0 ? "" : ` ORDER BY ${table.order.join(", ")}`
  }`;
  if (!isPlain(handle, table)) return yield* readValues(handle, table, from);
  const statement = prepare(handle, `SELECT ${plainRowSql(table.columns)} ${from}`);
  statement.setReturnArrays(true);
  let lines: string[] = [];
  let size = 0;
  for (const [line] of statement.iterate() as unknown as Iterable<readonly string[]>) {
    lines.push(line!);
    size += line!.length;
    if (size < chunkSize) continue;
    yield chunkOfLines(lines.join("\n"), lines.length);
    lines = [];
    size = 0;
  }
  if (lines.length > 0) yield chunkOfLines(lines.join("\n"), lines.length);
}

/** Whether JSON can carry all values: no blobs, no floating-point numbers, no NUL in texts. */
function isPlain(handle: DatabaseSync, { name, columns }: SqliteStoredTable): boolean {
  const odd = columns.map((column) => {
    const value = quoteName(column.name);
    return `typeof(${value}) IN ('blob', 'real') OR instr(${value}, char(0)) > 0`;
  });
  return prepare(handle, `SELECT 1 FROM ${quoteName(name)} WHERE ${odd.join(" OR ")} LIMIT 1`).get() ===
    undefined;
}

function* readValues(
  handle: DatabaseSync,
  { columns }: SqliteStoredTable,
  from: string,
): Generator<RowChunk> {
  const names = columns.map((column) => quoteName(column.name));
  const [array] = anyRowSql(columns);
  const statement = prepare(handle, `SELECT ${[array, ...names].join(", ")} ${from}`);
  statement.setReturnArrays(true);
  let values: (readonly SqliteValue[])[] = [];
  let text = "";
  const chunk = (): RowChunk => ({ count: values.length, text, content: { values } });
  for (const [json, ...read] of statement.iterate() as unknown as Iterable<readonly SqliteValue[]>) {
    // Not every runtime returns what follows a NUL in a text; in JSON there is none.
    const texts = JSON.parse(String(json)) as readonly unknown[];
    const row = read.map((value, index) => typeof value === "string" ? String(texts[index]) : value);
    values.push(row);
    text += json + realsText(row);
    if (text.length < chunkSize && values.length * columns.length < mostValues) continue;
    yield chunk();
    values = [];
    text = "";
  }
  if (values.length > 0) yield chunk();
}
