import { foldName, isSameName } from "../../../../base/fold_name.ts";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import { freeRowIdWord } from "../../../../sql/row_id.ts";
import { isAutoincrement } from "../../rebuild/carried_words.ts";
import { type DdlCheck, readChecks, readGenerated, readIndex } from "../../ddl.ts";
import type { Replica, SchemaRow } from "./replica.ts";
import { schemaQuery } from "./replica.ts";
import { isOwnTrigger } from "../../../../sql/own/triggers.ts";
import type { SourceColumn } from "./source_table.ts";

/** A table as SQLite itself describes it. */
export interface TableForm {
  readonly name: string;
  readonly sql: string;
  readonly columns: readonly ColumnForm[];
  readonly isStrict: boolean;
  readonly hasRowid: boolean;
  readonly isAutoincrement: boolean;
  /** The indexes that constraints make, each as all that SQLite says of it. */
  readonly automatic: readonly string[];
  readonly indexes: readonly IndexForm[];
  readonly checks: readonly DdlCheck[];
  readonly references: readonly ReferenceForm[];
  /** Whether a trigger of somebody's fires when a row is changed. */
  readonly hasUpdateTrigger: boolean;
}

export interface ColumnForm {
  readonly name: string;
  readonly type: string;
  readonly isNotNull: boolean;
  /** An expression as it is written; `null` for none. */
  readonly fallback: string | null;
  /** Its place in the key, from 1; 0 outside of it. */
  readonly key: number;
  /** What makes a generated column; `null` for any other. */
  readonly generated: string | null;
  readonly isStored: boolean;
  readonly collation: string;
}

/** An index that was made on its own. */
export interface IndexForm {
  readonly name: string;
  readonly sql: string;
  readonly isUnique: boolean;
  /** Each part as an expression, with its collation and order. */
  readonly parts: readonly IndexPart[];
  readonly where: string | null;
}

export interface IndexPart {
  /** The column's name, or the expression. */
  readonly name: string;
  readonly expression: string;
  readonly collation: string;
  readonly isDescending: boolean;
}

/** A foreign key. */
export interface ReferenceForm {
  readonly columns: readonly string[];
  readonly parent: string;
  readonly keys: readonly string[];
}

/** Describes a table of a replica; `null` when there is none. */
export function readTable(replica: Replica, table: string): TableForm | null {
  const { rows } = replica;
  const of = quoteText(table);
  const schema = rows<SchemaRow>(schemaQuery.text).filter((row) => isSameName("sqlite", row.table, table));
  const own = schema.find(({ type }) => type === "table");
  const [kind] = rows<{ wr: number; strict: number }>(
    `SELECT wr, strict FROM pragma_table_list(${of}) WHERE schema = 'main'`,
  );
  if (own === undefined || kind === undefined) return null;
  const { name, sql } = own;
  const generated = readGenerated(sql);
  const columns = rows<SourceColumn>(
    `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(${of}) ORDER BY cid`,
  );
  const collations = collationsOf(replica, { name, columns: columns.map((column) => column.name) });
  const listed = rows<ListRow>(
    `SELECT name, "unique", origin, partial FROM pragma_index_list(${of}) ORDER BY name`,
  );
  return {
    name,
    sql,
    columns: columns.map((row, place) => ({
      name: row.name,
      type: row.type,
      isNotNull: row.notnull !== 0,
      fallback: row.dflt_value,
      key: row.pk,
      generated: row.hidden > 1 ? generated.get(row.name) ?? "" : null,
      isStored: row.hidden !== 2,
      collation: collations[place] ?? "",
    })),
    isStrict: kind.strict !== 0,
    hasRowid: kind.wr === 0,
    isAutoincrement: isAutoincrement(sql),
    automatic: listed.filter(({ origin }) => origin !== "c").map((row) =>
      JSON.stringify([row, rows(`SELECT * FROM pragma_index_xinfo(${quoteText(row.name)})`)])
    ),
    indexes: schema.filter(({ type }) => type === "index").map((index) => ({
      name: index.name,
      sql: index.sql,
      isUnique: listed.some((row) => row.name === index.name && row.unique !== 0),
      ...indexParts(replica, index),
    })),
    checks: readChecks(sql),
    references: referencesOf(replica, name),
    hasUpdateTrigger: schema.some((each) =>
      each.type === "trigger" && !isOwnTrigger(each) && /\bUPDATE\b/i.test(each.sql)
    ),
  };
}

/** The column that is the row id itself, in lower case; `null` for none: a key of another type has an index of its own. */
export function rowIdColumn({ columns, automatic }: TableForm): string | null {
  const key = columns.filter((column) => column.key > 0);
  const isAlias = key.length === 1 && key[0]!.type.toUpperCase() === "INTEGER" &&
    !automatic.some((index) => index.includes('"origin":"pk"'));
  return isAlias ? foldName(key[0]!.name) : null;
}

/** What statements call the row id: its column, or a word that is no column's; `null` where nothing names it. */
export function rowIdName(table: TableForm): string | null {
  return table.hasRowid ? rowIdColumn(table) ?? freeRowIdWord(table.columns) : null;
}

/** Whether a column is in a key, or in what a constraint makes an index for. */
export function isInKey({ automatic }: TableForm, { name, key }: ColumnForm): boolean {
  return key > 0 || automatic.some((index) => index.includes(`"name":${JSON.stringify(name)}`));
}

interface ListRow {
  readonly name: string;
  readonly unique: number;
  readonly origin: string;
  readonly partial: number;
}

/** No pragma tells them of columns, but of an index on these. */
function collationsOf(
  { rows, run }: Replica,
  { name, columns }: { readonly name: string; readonly columns: readonly string[] },
): readonly string[] {
  const probe = "harbor_beside_probe";
  run([`CREATE INDEX ${probe} ON ${quoteName(name)} (${columns.map(quoteName).join(", ")})`]);
  const found = rows<{ coll: string }>(
    `SELECT coll FROM pragma_index_xinfo('${probe}') WHERE key = 1 ORDER BY seqno`,
  );
  run([`DROP INDEX IF EXISTS ${probe}`]);
  return found.map(({ coll }) => coll);
}

function indexParts(
  { rows }: Replica,
  { name, sql }: SchemaRow,
): Pick<IndexForm, "parts" | "where"> {
  const { columns, where } = readIndex(sql);
  const parts = rows<{ name: string | null; desc: number; coll: string }>(
    `SELECT name, "desc", coll FROM pragma_index_xinfo(${quoteText(name)}) WHERE key = 1 ORDER BY seqno`,
  ).map((part, place): IndexPart => ({
    name: part.name ?? columns[place]!,
    expression: part.name === null ? columns[place]!.replace(/\s+DESC$/i, "") : quoteName(part.name),
    collation: part.coll,
    isDescending: part.desc !== 0,
  }));
  return { parts, where };
}

function referencesOf({ rows }: Replica, table: string): readonly ReferenceForm[] {
  const found = rows<{ id: number; parent: string; from: string; to: string | null }>(
    `SELECT id, "table" AS parent, "from", "to" FROM pragma_foreign_key_list(${
      quoteText(table)
    }) ORDER BY id, seq`,
  );
  const keyOf = (parent: string) =>
    rows<{ name: string }>(
      `SELECT name FROM pragma_table_info(${quoteText(parent)}) WHERE pk > 0 ORDER BY pk`,
    ).map(({ name }) => name);
  return [...Map.groupBy(found, ({ id }) => id).values()].map((parts) => {
    const { parent } = parts[0]!;
    const keys = parts.map(({ to }) => to);
    return {
      columns: parts.map(({ from }) => from),
      parent,
      keys: keys.every((key) => key !== null) ? keys : keyOf(parent),
    };
  });
}
