import { readJson } from "../session/errors.ts";
import { HarborError } from "../../../base/errors.ts";
import { isNotOfExtension, optionList } from "../catalogs/words.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import type { OnProgress } from "../../backup/engine.ts";
import type { TableContent } from "../../backup/content.ts";
import { aside, inTransaction, query } from "./session.ts";
import type { Session } from "../session/session.ts";
import { digestRows, type RowsDigest } from "./digest.ts";

/** A table that holds rows. */
export interface PostgresStoredTable {
  readonly schema: string;
  readonly name: string;
  /** Without generated ones. */
  readonly columns: readonly string[];
  /** What it takes in the database, without its indexes. */
  readonly bytes: number;
}

/** Returns the `WITH (…)` of the relation `c`, those of its TOAST table included; NULL without any. */
export const storageOptions = `' WITH (' || nullif(concat_ws(', ', ${optionList("c.reloptions")},
  (SELECT ${
  optionList("t.reloptions", "toast.")
} FROM pg_class t WHERE t.oid = c.reltoastrelid)), '') || ')'`;

/** Returns the statement that marks the index by which the relation `c` is clustered; NULL without one. */
export const clusterMark = `(SELECT format('ALTER %s %s CLUSTER ON %I',
  CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.oid::regclass, i.relname)
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisclustered)`;

/** Schemas, the default one first. */
export type Schemas = readonly [home: string, ...named: string[]];

/** Returns schemas as a list in SQL. */
export function schemaList(schemas: readonly string[]): string {
  return schemas.map(quoteText).join(", ");
}

/** Returns a query with schemas in the place of `$schemas`. */
export function inSchemas(text: string, schemas: readonly string[]): string {
  return text.replaceAll("$schemas", () => schemaList(schemas));
}

/** Lists the tables of schemas that hold rows, partitions included, in the order of {@link contentName}. */
export async function listTables(
  session: Session,
  schemas: Schemas,
): Promise<readonly PostgresStoredTable[]> {
  const rows = await query<
    { schema: string; name: string; columns: string; bytes: string | number | bigint }
  >(
    session,
    `SELECT n.nspname AS schema, c.relname AS name, pg_table_size(c.oid) AS bytes,
      (SELECT coalesce(json_agg(a.attname ORDER BY a.attnum), '[]')::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN (${schemaList(schemas)}) AND c.relkind = 'r' AND ${
      isNotOfExtension("pg_class", "c.oid")
    }
    ORDER BY (CASE n.nspname WHEN ${
      quoteText(schemas[0])
    } THEN c.relname::text ELSE concat(n.nspname, '.', c.relname) END)
      COLLATE "C"`,
  );
  return rows.map(({ schema, name, columns, bytes }) => ({
    schema,
    name,
    columns: readJson<string[]>(columns),
    bytes: Number(bytes),
  }));
}

/**
 * Runs `work` in one snapshot of the database, whose tables nobody can drop or rebuild meanwhile. They are locked before
 * the state is fixed: in a table that was rebuilt since then, an older state has no rows.
 *
 * Source: https://www.postgresql.org/docs/current/mvcc-caveats.html
 *
 * @param work Gets the names of the default schema and of those that the history names, as far as they are there
 */
export async function inSnapshot<T>(session: Session, work: (schemas: Schemas) => Promise<T>): Promise<T> {
  const { schema } = session;
  if (schema === null) {
    throw new HarborError(
      "backup_failed",
      'Cannot copy "the schema": search_path names none that is there and that this role may use',
      {
        hint:
          "Name one in the database URL: ?options=-csearch_path%3Dpublic; or make it, or as its owner: GRANT USAGE ON SCHEMA … TO …;",
      },
    );
  }
  const [schemas, tables] = await aside(session, async () => {
    const found = await findSchemas(session, schema);
    return [found, await listTables(session, found)] as const;
  });
  const names = tables.map((table) => copyTarget({ ...table, columns: [] }));
  const first = names.length === 0 ? "" : `LOCK TABLE ONLY ${names.join(", ONLY ")} IN ACCESS SHARE MODE;`;
  return await inTransaction(session, { mode: "snapshot", first }, () => work(schemas));
}

/** Returns the default schema with those of the history that are there. */
export async function findSchemas(session: Session, home: string): Promise<Schemas> {
  const { named } = session;
  if (named.length === 0) return [home];
  const rows = await query<{ name: string }>(
    session,
    `SELECT nspname AS name FROM pg_namespace WHERE nspname IN (${
      schemaList(named)
    }) ORDER BY nspname COLLATE "C"`,
  );
  return [home, ...rows.map(({ name }) => name).filter((name) => name !== home)];
}

/** Reads all rows of the tables of schemas and returns their digests; all of one state inside a snapshot only. */
export async function readTables(
  session: Session,
  schemas: Schemas,
  onProgress?: OnProgress,
): Promise<readonly TableContent[]> {
  const tables = await listTables(session, schemas);
  const meter = progressMeter(sizeOf(tables), onProgress);
  const contents: TableContent[] = [];
  for (const table of tables) {
    contents.push(await readRows(session, { home: schemas[0], table, take: meter }));
  }
  return contents;
}

/** What {@link readRows} reads, and who gets it beside the digest. */
export interface RowsToRead {
  /** The default schema. */
  readonly home: string;
  readonly table: PostgresStoredTable;
  readonly take: (piece: Uint8Array) => void | Promise<void>;
}

/** Reads all rows of one table in COPY text and returns their digest. */
export async function readRows(session: Session, { home, table, take }: RowsToRead): Promise<TableContent> {
  const digest: RowsDigest = digestRows(table.columns);
  await session.copyOut(`COPY ${copyTarget(table)} TO STDOUT`, (piece) => {
    digest.add(piece);
    return take(piece);
  });
  return digest.content(contentName(home, table));
}

/** Returns what a table is called in the list of what a copy holds. */
export function contentName(
  home: string,
  { schema, name }: Pick<PostgresStoredTable, "schema" | "name">,
): string {
  return schema === home ? name : `${schema}.${name}`;
}

/** Returns the table and its columns as COPY names them. */
export function copyTarget(
  { schema, name, columns }: Pick<PostgresStoredTable, "schema" | "name" | "columns">,
): string {
  const list = columns.length === 0 ? "" : ` (${columns.map(quoteName).join(", ")})`;
  return `${quoteName(schema)}.${quoteName(name)}${list}`;
}

/** Returns a server's version as it is written: `15.18`. */
export function versionName({ serverVersion }: Session): string {
  return `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`;
}

/** Returns how many bytes tables take. */
export function sizeOf(tables: readonly PostgresStoredTable[]): number {
  return tables.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Returns a function that counts bytes and reports which share of the expected ones there were. */
export function progressMeter(
  expected: number,
  onProgress: OnProgress | undefined,
): (piece: Uint8Array) => void {
  let read = 0;
  let told = 0;
  return (piece) => {
    read += piece.length;
    if (read - told < 1024 * 1024) return;
    told = read;
    onProgress?.(Math.min(read / Math.max(expected, 1), 1));
  };
}
