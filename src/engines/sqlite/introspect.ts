import { foldName } from "../../base/fold_name.ts";
import type {
  Column,
  ForeignKey,
  Index,
  OtherObject,
  Snapshot,
  Table,
  Unique,
} from "../../schema/snapshot.ts";
import { compareTexts } from "../../base/compare_texts.ts";
import { quoteText } from "../../sql/quote.ts";
import {
  normalType,
  readChecks,
  readGenerated,
  readIndex,
  readPeculiarities,
  stripParentheses,
} from "./ddl.ts";
import { keptRow } from "../kept_table.ts";
import { isBesideTable, isSideTable, ownTableNames } from "../../sql/own/tables.ts";
import { toolTables } from "../../sql/own/tool_tables.ts";
import { isOwnTrigger } from "../../sql/own/triggers.ts";
import { type RowForm, type RowOf, rowsOfForm } from "../../base/row_form.ts";

/** Runs queries that see the same state, in as few round trips as the engine allows. */
export type ReadTogether = (queries: readonly string[]) => Promise<readonly (readonly unknown[])[]>;

// Virtual tables are left out of the pragmas: asking for the columns of one loads its module, which may be missing.
const isTable = "m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL %'";

/** @param only Conditions on the tables that are looked at, and on those whose columns are: of the first, and what they refer to */
function queriesOf(only: { readonly tables: string; readonly columns: string }): readonly string[] {
  return [
    `SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema m WHERE ${only.tables} ORDER BY name`,
    `SELECT m.name AS "table", x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden
FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) x WHERE ${isTable} AND ${only.columns} ORDER BY x.cid`,
    `SELECT m.name AS "table", l.name AS "index", l."unique", l.origin, x.name
FROM sqlite_schema m JOIN pragma_index_list(m.name) l JOIN pragma_index_xinfo(l.name) x
WHERE ${isTable} AND ${only.tables} AND x.key = 1 ORDER BY l.name, x.seqno`,
    "SELECT name FROM pragma_table_list WHERE type = 'shadow'",
    `SELECT m.name AS "table", x.id, x."table" AS parent, x."from", x."to", x.on_update, x.on_delete
FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) x WHERE ${isTable} AND ${only.tables} ORDER BY x.id, x.seq`,
  ];
}

const everything = { tables: "TRUE", columns: "TRUE" };

function onlyOf(names: readonly string[]): typeof everything {
  const tables = `lower(m.tbl_name) IN (${names.map((name) => `lower(${quoteText(name)})`).join(", ")})`;
  const parents =
    `SELECT lower(k."table") FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) k WHERE ${isTable} AND ${tables}`;
  return { tables, columns: `(${tables} OR lower(m.name) IN (${parents}))` };
}

/**
 * Reads a SQLite schema in normal form; see {@link Snapshot}.
 *
 * @param only See `Database.introspect`
 */
export async function introspectSqlite(
  readTogether: ReadTogether,
  only?: readonly string[],
): Promise<Snapshot> {
  const [objects, columns, indexes, shadows, keys] = answersOf(
    await readTogether(queriesOf(only === undefined ? everything : onlyOf(only))),
  );
  const columnsByTable = Map.groupBy(columns, ({ table }) => table);
  const indexesByTable = Map.groupBy(indexes, ({ table }) => table);
  const keysByTable = Map.groupBy(keys, ({ table }) => table);
  // A virtual table's shadow tables come and go with it.
  const hidden = new Set(shadows.map((row) => row.name));
  const isNumbered = (table: string) =>
    (columnsByTable.get(table) ?? []).some(({ name }) => name === keptRow);
  const tables = objects.filter(({ type }) => type === "table").map(({ name }) => name);
  // Of a few tables it is not known which others there are.
  const onRecord = only === undefined ? await namesOnRecord(readTogether, tables) : isBesideTable;
  const isOwn = (table: string) => {
    const name = foldName(table);
    if (isSideTable(name)) return isNumbered(table);
    return isBesideTable(name) ? onRecord(name) : ownTableNames.includes(name);
  };
  const own = new Set(tables.filter(isOwn));
  const isHidden = (name: string) => isForeign(name) || own.has(name);
  const shown = objects.filter((row) =>
    !isHidden(row.table) && !hidden.has(row.table) &&
    !(row.type === "trigger" ? isOwnTrigger(row) : isHidden(row.name))
  );
  const ddlOf = new Map(shown.map((row) => [row.name, row.sql ?? ""]));
  const keyOf = (table: string) =>
    (columnsByTable.get(table) ?? []).filter((row) => row.pk > 0).sort((a, b) => a.pk - b.pk).map((row) =>
      row.name
    );

  return {
    dialect: "sqlite",
    tables: shown.filter((row) => row.type === "table" && !isVirtual(row)).map(({ name, sql }): Table => {
      const own = indexesByTable.get(name) ?? [];
      const columns = columnsOf(columnsByTable.get(name) ?? [], own, sql ?? "");
      const peculiarities = readPeculiarities(sql ?? "");
      return {
        name,
        columns,
        primaryKey: keyOf(name),
        foreignKeys: foreignKeysOf(keysByTable.get(name) ?? [], keyOf),
        indexes: indexesOf(own, ddlOf),
        uniques: uniquesOf(own),
        checks: readChecks(sql ?? "").map((check) => ({ ...check, valid: true })).sort(
          inOrderOf((check) => `${check.name ?? ""} ${check.expression}`),
        ),
        ...peculiarities.length === 0 ? {} : { peculiarities },
      };
    }).sort(inOrderOf((table) => table.name)),
    others: only !== undefined
      ? []
      : shown.flatMap(otherObject).sort(inOrderOf((other) => `${other.name} ${other.kind}`)),
  };
}

/** Returns whether a table of a change beside writers is on record, where there is any that is called so. */
async function namesOnRecord(
  readTogether: ReadTogether,
  tables: readonly string[],
): Promise<(name: string) => boolean> {
  const names = tables.map((name) => foldName(name));
  if (!names.some(isBesideTable)) return () => false;
  const queries = [
    ...names.includes("harbor_kept")
      ? ["SELECT 'harbor_keeping_' || id AS name FROM harbor_kept WHERE state = 'keeping'"]
      : [],
    ...names.includes("harbor_beside")
      ? [
        "SELECT 'harbor_beside_' || id AS name FROM harbor_beside UNION ALL SELECT 'harbor_beside_' || id || '_changed' FROM harbor_beside",
      ]
      : [],
  ];
  const answers = queries.length === 0 ? [] : await readTogether(queries);
  const known = new Set(
    answers.flatMap((rows) => rowsOfForm("sqlite_schema", { name: "text" }, rows)).map(({ name }) => name),
  );
  return (name) => known.has(name);
}

function answersOf(answers: readonly (readonly unknown[])[]) {
  const rows = <const Form extends RowForm>(place: number, form: Form) =>
    rowsOfForm("sqlite_schema", form, answers[place] ?? []);
  return [
    rows(0, objectForm),
    rows(1, columnForm),
    rows(2, indexForm),
    rows(3, { name: "text" }),
    rows(4, keyForm),
  ] as const;
}

const objectForm = {
  type: ["table", "index", "view", "trigger"],
  name: "text",
  table: "text",
  sql: "text?",
} as const;
type ObjectRow = RowOf<typeof objectForm>;

const columnForm = {
  table: "text",
  name: "text",
  type: "text",
  notnull: "integer",
  dflt_value: "text?",
  pk: "integer",
  /** 2 and 3 for a generated column, virtual and stored. */
  hidden: "integer",
} as const;
type ColumnRow = RowOf<typeof columnForm>;

const indexForm = {
  table: "text",
  index: "text",
  unique: "integer",
  /** `c`: made by CREATE INDEX · `u`: by a UNIQUE constraint · `pk`: by the primary key. */
  origin: ["c", "u", "pk"],
  /** `null` for an expression. */
  name: "text?",
} as const;
type IndexRow = RowOf<typeof indexForm>;

const keyForm = {
  table: "text",
  /** Shared by the columns of one key. */
  id: "integer",
  parent: "text",
  from: "text",
  to: "text?",
  on_update: "text",
  on_delete: "text",
} as const;
type KeyRow = RowOf<typeof keyForm>;

/** Whether a name is of the engine's or of another tool's bookkeeping. */
function isForeign(name: string): boolean {
  return /^(sqlite_|libsql_|_litestream|_cf_)/i.test(name) || toolTables.sqlite.includes(foldName(name));
}

function isVirtual({ sql }: ObjectRow): boolean {
  return /^CREATE\s+VIRTUAL\s/i.test(sql ?? "");
}

function columnsOf(
  rows: readonly ColumnRow[],
  indexes: readonly IndexRow[],
  ddl: string,
): readonly Column[] {
  const generated = rows.some((row) => row.hidden > 1) ? readGenerated(ddl) : new Map<string, string>();
  const key = rows.filter((row) => row.pk > 0);
  // A key that SQLite makes an index for is no alias of the row id: WITHOUT ROWID, or INTEGER PRIMARY KEY DESC.
  const isRowId = key.length === 1 && !indexes.some((row) => row.origin === "pk");
  return rows.map((row) => {
    const type = normalType(row.type);
    const identity = isRowId && row.pk > 0 && type === "INTEGER";
    return {
      name: row.name,
      type,
      notNull: row.notnull !== 0 || identity,
      default: identity ? null : generated.get(row.name) ?? normalDefault(row.dflt_value),
      identity,
    };
  });
}

function normalDefault(text: string | null): string | null {
  if (text === null) return null;
  const expression = stripParentheses(text);
  if (/^null$/i.test(expression)) return null;
  return /^(current_(time|date|timestamp)|true|false)$/i.test(expression)
    ? expression.toUpperCase()
    : expression;
}

function foreignKeysOf(
  rows: readonly KeyRow[],
  keyOf: (table: string) => readonly string[],
): readonly ForeignKey[] {
  return groupBy(rows, (row) => row.id).map((parts): ForeignKey => {
    const { parent, on_delete, on_update } = parts[0]!;
    // Without columns a key refers to the other table's primary key.
    const references = parts.every((part) => part.to !== null)
      ? parts.map((part) => part.to!)
      : keyOf(parent);
    return {
      name: null,
      columns: parts.map((part) => part.from),
      table: parent,
      references,
      onDelete: on_delete.toLowerCase(),
      onUpdate: on_update.toLowerCase(),
      valid: true,
    };
  }).sort(inOrderOf((key) => `${key.columns.join()} ${key.table} ${key.references.join()}`));
}

function indexesOf(rows: readonly IndexRow[], ddlOf: ReadonlyMap<string, string>): readonly Index[] {
  return groupBy(rows.filter((row) => row.origin === "c"), (row) => row.index).map((parts): Index => {
    const { index: name, unique } = parts[0]!;
    return { name, ...readIndex(ddlOf.get(name) ?? ""), unique: unique !== 0, valid: true };
  }).sort(inOrderOf((index) => index.name));
}

function uniquesOf(rows: readonly IndexRow[]): readonly Unique[] {
  return groupBy(rows.filter((row) => row.origin === "u"), (row) => row.index)
    .map((parts): Unique => ({ name: null, columns: parts.map((part) => part.name ?? "") }))
    .sort(inOrderOf((unique) => unique.columns.join()));
}

function otherObject(row: ObjectRow): readonly OtherObject[] {
  const { name, sql } = row;
  if (row.type === "view") return [{ kind: "view", name, table: null, sql }];
  if (row.type === "trigger") return [{ kind: "trigger", name, table: row.table, sql }];
  return row.type === "table" && isVirtual(row) ? [{ kind: "table", name, table: null, sql }] : [];
}

function groupBy<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): readonly (readonly Row[])[] {
  return [...Map.groupBy(rows, keyOf).values()];
}

/** Orders by code units, so that the order does not depend on the machine's language. */
function inOrderOf<T>(keyOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => compareTexts(keyOf(a), keyOf(b));
}
