import { counted, formatCount } from "../../../base/quantity.ts";
import type { TableContent } from "../../backup/content.ts";
import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../../base/errors.ts";
import { quoteName } from "../../../sql/quote.ts";
import { freeRowIdWord } from "../../../sql/row_id.ts";
import type { RowOf } from "../../../base/row_form.ts";
import type { BackupContent, OnProgress } from "../../backup/engine.ts";
import { prepare } from "../connection/open_file.ts";
import { anyRowSql, isPlainRowFailure, plainRowSql, realsText, type RowColumn } from "./row_text.ts";
import { stopBackupIfAsked, type Stopping } from "../../../base/stop_backup.ts";

/** How content is read. */
export interface ReadOptions {
  readonly signal: Stopping;
  readonly onProgress?: OnProgress | undefined;
}

/** A table whose rows a copy holds. */
export interface SqliteStoredTable {
  readonly name: string;
  /** Without generated columns. */
  readonly columns: readonly RowColumn[];
  /** What brings its rows into the order in which they are stored. */
  readonly order: readonly string[];
  readonly hasRowid: boolean;
}

/** The lock is no content: no copy brings it back. */
export const lockTable = "harbor_lock";

/** Where rows wait during a restore; what a killed one left of them is no content either. */
export const stagePrefix = "harbor_restore_";

/** A condition on the name of a table, which names its table too: it is called to the letter, and begins, as one where rows wait. */
export const isStage = (name: string) =>
  `(${name} GLOB '${stagePrefix}[0-9]*' AND substr(${name}, ${
    stagePrefix.length + 1
  }) NOT GLOB '*[^0-9]*' AND EXISTS (SELECT 1 FROM pragma_table_info(${name}) AS stage WHERE stage.cid = 0 AND stage.name = 'c0' AND stage.type = ''))`;

const isContent = (name: string) =>
  `${name} NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND ${name} <> '${lockTable}' AND NOT ${isStage(name)}`;

/** Lists the tables that hold rows, those of virtual tables included; the virtual tables themselves hold none. */
export const tablesQuery =
  `SELECT l.name AS name, l.wr AS wr, c.name AS column_name, c.type AS type, c.pk AS pk
FROM pragma_table_list AS l JOIN pragma_table_xinfo(l.name) AS c
WHERE l.schema = 'main' AND l.type IN ('table', 'shadow') AND ${isContent("l.name")}
AND c.hidden = 0 ORDER BY l.name, c.cid`;

export const tablesForm = {
  name: "text",
  wr: "count",
  column_name: "text",
  type: "text",
  pk: "count",
} as const;
export type TablesRow = RowOf<typeof tablesForm>;

/** Lists all definitions but the lock's, in an order that does not depend on how they came about. */
export const definitionsQuery =
  `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND ${
    isContent("tbl_name")
  } AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name`;

export const definitionForm = {
  type: "text",
  name: "text",
  tbl_name: "text",
  sql: "text",
} as const;
export type DefinitionRow = RowOf<typeof definitionForm>;

/** Bytes that are hashed before other work gets its turn: heartbeats, signals. */
const turnBytes = 4 * 1024 * 1024;

/**
 * Reads what a database holds, row by row, so that memory does not grow with it. Sees one state only inside a
 * transaction, which the caller begins.
 *
 * @throws {HarborError} `interrupted`; SQLite's own errors
 */
export async function readContent(handle: DatabaseSync, options: ReadOptions): Promise<BackupContent> {
  const [version] = rows<{ version: string }>(handle, "SELECT sqlite_version() AS version");
  const definitions = rows<DefinitionRow>(handle, definitionsQuery);
  const meter = createMeter(handle, options);
  const tables: TableContent[] = [];
  for (const table of storedTables(rows<TablesRow>(handle, tablesQuery))) {
    tables.push(await digestTable(handle, table, meter));
  }
  return {
    serverVersion: version!.version,
    tables,
    schema: schemaDigest(definitions),
    state: stateDigest(handle),
  };
}

/** Returns a digest of what AUTOINCREMENT counts from, and of the numbers that programs mark a file with. */
export function stateDigest(handle: DatabaseSync): string {
  const [numbers] = rows<Record<string, bigint>>(
    handle,
    "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id",
  );
  const hasSequences = rows(handle, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").length > 0;
  const sequences = hasSequences
    ? rows<Record<string, unknown>>(
      handle,
      "SELECT quote(name) AS name, quote(seq) AS seq FROM sqlite_sequence ORDER BY 1, 2",
    )
    : [];
  const state = [
    numbers!["user_version"],
    numbers!["application_id"],
    ...sequences.flatMap(({ name, seq }) => [name, seq]),
  ];
  return createHash("sha256").update(JSON.stringify(state.map(String))).digest("hex");
}

/** Groups what {@link tablesQuery} returned by table. */
export function storedTables(list: readonly TablesRow[]): readonly SqliteStoredTable[] {
  const byName = Map.groupBy(list, (row) => row.name);
  return [...byName].map(([name, columns]) => ({
    name,
    columns: columns.map((column) => ({ name: column.column_name, type: column.type })),
    order: orderOf(columns),
    hasRowid: Number(columns[0]!.wr) === 0,
  }));
}

export function schemaDigest(definitions: readonly DefinitionRow[]): string {
  const hash = createHash("sha256");
  for (const { type, name, tbl_name, sql } of definitions) {
    hash.update(JSON.stringify([type, name, tbl_name, sql]));
  }
  return hash.digest("hex");
}

/** Returns the word for a table's row id, which a column of that name hides. */
function orderOf(columns: readonly TablesRow[]): readonly string[] {
  if (Number(columns[0]!.wr) !== 0) {
    return columns.filter((column) => Number(column.pk) > 0).toSorted((a, b) => Number(a.pk) - Number(b.pk))
      .map((column) => quoteName(column.column_name));
  }
  const word = freeRowIdWord(columns.map(({ column_name: name }) => ({ name })));
  return word === null ? [] : [word];
}

/** Counts what was read, reports it and lets other work have its turn. */
interface Meter {
  add(bytes: number): Promise<void> | void;
}

function createMeter(handle: DatabaseSync, { signal, onProgress }: ReadOptions): Meter {
  const [size] = rows<{ bytes: bigint }>(
    handle,
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  );
  const expected = Math.max(Number(size!.bytes), 1);
  let total = 0;
  let sinceTurn = 0;
  return {
    add(bytes) {
      total += bytes;
      sinceTurn += bytes;
      if (sinceTurn < turnBytes) return;
      sinceTurn = 0;
      onProgress?.(Math.min(total / expected, 1));
      // Deno hears of no signal while one `setImmediate` follows the other.
      return sleep(1).then(() => stopBackupIfAsked(signal));
    },
  };
}

async function digestTable(
  handle: DatabaseSync,
  table: SqliteStoredTable,
  meter: Meter,
): Promise<TableContent> {
  const expected = countRows(handle, table);
  try {
    const content = await digestRows(handle, table, { values: [plainRowSql(table.columns)], meter });
    if (content.rows === expected) return content;
  } catch (error) {
    if (!(error instanceof Error && isPlainRowFailure(error.message))) throw error;
  }
  const content = await digestRows(handle, table, { values: anyRowSql(table.columns), meter });
  refuseUnlessAll(table, { expected, rows: content.rows });
  return content;
}

/** Returns how many rows a table has. */
export function countRows(handle: DatabaseSync, { name }: SqliteStoredTable): number {
  const [row] = rows<{ count: bigint }>(handle, `SELECT count(*) AS count FROM ${quoteName(name)}`);
  return Number(row!.count);
}

/**
 * Refuses a table that was not read to its end. Deno's SQLite ends an iteration without a word when a row cannot be
 * read.
 */
export function refuseUnlessAll(
  { name }: SqliteStoredTable,
  { expected, rows }: { readonly expected: number; readonly rows: number },
): void {
  if (rows === expected) return;
  throw new HarborError(
    "backup_failed",
    `Cannot read the table "${name}": only ${formatCount(rows)} of its ${counted(expected, "row")} came`,
    {
      hint: "Look whether the database itself is damaged: harbor-db verify --only integrity",
    },
  );
}

/** The first value is the row's array, the others are its floating-point numbers. */
async function digestRows(
  handle: DatabaseSync,
  { name, order }: SqliteStoredTable,
  { values, meter }: { readonly values: readonly string[]; readonly meter: Meter },
): Promise<TableContent> {
  const [array, ...reals] = values;
  const orderBy = order.length === 0 ? "" : ` ORDER BY ${order.join(", ")}`;
  // As bytes: making strings of them would cost more than reading and hashing them.
  const statement = prepare(
    handle,
    `SELECT ${[`CAST(${array} AS BLOB)`, ...reals].join(", ")} FROM ${quoteName(name)}${orderBy}`,
  );
  statement.setReturnArrays(true);
  const hash = createRowHash();
  let rows = 0;
  for (const row of statement.iterate() as unknown as Iterable<readonly unknown[]>) {
    const text = row[0] as Uint8Array;
    rows++;
    hash.add(text);
    if (reals.length > 0) hash.add(new TextEncoder().encode(realsText(row.slice(1))));
    const turn = meter.add(text.length);
    if (turn !== undefined) await turn;
  }
  return { name, rows, digest: hash.digest() };
}

/** A SHA-256 that gathers small pieces before it hashes them. */
function createRowHash() {
  const hash = createHash("sha256");
  const gathered = new Uint8Array(64 * 1024);
  let used = 0;
  const flush = () => {
    hash.update(gathered.subarray(0, used));
    used = 0;
  };
  return {
    add(bytes: Uint8Array): void {
      if (used + bytes.length > gathered.length) flush();
      if (bytes.length > gathered.length) hash.update(bytes);
      else {
        gathered.set(bytes, used);
        used += bytes.length;
      }
    },
    digest(): string {
      flush();
      return hash.digest("hex");
    },
  };
}

function rows<Row>(handle: DatabaseSync, text: string): readonly Row[] {
  return prepare(handle, text).all() as unknown as Row[];
}
