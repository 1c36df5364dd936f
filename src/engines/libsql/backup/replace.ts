import type { LibsqlUrl } from "../../../base/url/libsql_url.ts";
import { type SQL, sql } from "drizzle-orm";
import type { DatabaseSync } from "node:sqlite";
import { HarborError } from "../../../base/errors.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { OnProgress } from "../../backup/engine.ts";
import { copyFailure } from "../../sqlite/backup/copy_failure.ts";
import type { Database } from "../../database.ts";
import { withLibsqlSnapshot } from "./copy.ts";
import { readCopy, readCopyRows, type StoredCopy } from "./read_copy.ts";
import { digestChunks, type RowChunk } from "../../sqlite/backup/row_chunk.ts";
import { findBadText, textBytesQuery } from "../../sqlite/backup/bad_text.ts";
import { isStage, lockTable, type SqliteStoredTable, stagePrefix } from "../../sqlite/backup/content.ts";
import { openImmutable } from "../../sqlite/connection/open_file.ts";
import { prepare } from "../../sqlite/connection/open_file.ts";
import { insertInto, selectFromJson } from "../../sqlite/backup/load.ts";
import type { SqliteValue } from "../../sqlite/connection/statement.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/** A copy that is to take the place of a server's database. */
export interface Replacement {
  readonly url: LibsqlUrl;
  /** The copy, a SQLite file. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Holds the lock. */
  readonly database: Database | null;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Replaces all that is in a server's database. The rows are brought into tables of their own, batch by batch, and read
 * back; then a single transaction removes what was there and puts them in its place.
 *
 * @throws {HarborError} and the database is as it was, but for tables `harbor_restore_…` that the next try removes
 */
export async function replaceLibsql(replacement: Replacement): Promise<void> {
  const { url, path, signal, database, onProgress } = replacement;
  if (database === null) throw new HarborError("internal", `Cannot restore "${url.display}": it is not open`);
  try {
    const handle = openImmutable(path);
    try {
      const copy = readCopy(handle);
      await clearStages(database);
      for (const [index, table] of copy.tables.entries()) {
        const stage = stageOf(table, index);
        const sent = await fillStage(database, { handle, table, stage, signal });
        await refuseIfChanged(replacement, { table, stage, sent });
        onProgress?.((index + 1) / (copy.tables.length + 1));
      }
      await swap(database, copy);
    } finally {
      handle.close();
    }
  } catch (error) {
    await clearStages(database).catch(() => undefined);
    throw roomFailure(url, copyFailure(url.display, error));
  }
}

/** Says of a full disk that it is the server's. */
function roomFailure(url: LibsqlUrl, error: unknown): unknown {
  if (!(error instanceof HarborError) || error.code !== "disk_full") return error;
  return new HarborError("disk_full", error.message, {
    hint:
      `Free some space for the server of "${url.display}", where the new rows stand beside the old ones. The database is as it was.`,
    details: error.details,
    cause: error,
  });
}

/** Its columns have no type, so that values stay what they are. */
function stageOf(table: SqliteStoredTable, index: number): SqliteStoredTable {
  return {
    name: `${stagePrefix}${index}`,
    columns: table.columns.map((_, place) => ({ name: `c${place}`, type: "" })),
    order: ["rowid"],
    hasRowid: true,
  };
}

async function clearStages(database: Database): Promise<void> {
  const stages = await database.read<{ name: string }>(
    sql`SELECT s.name AS name FROM sqlite_schema AS s WHERE s.type = 'table' AND ${
      sql.raw(isStage("s.name"))
    }`,
  );
  if (stages.length > 0) await database.write(stages.map(({ name }) => drop("TABLE", name)), "replace");
}

type Digest = Awaited<ReturnType<typeof digestChunks>>;

interface Staged {
  readonly table: SqliteStoredTable;
  readonly stage: SqliteStoredTable;
}

/** Returns the digest of what it sent. */
async function fillStage(
  database: Database,
  { handle, table, stage, signal }: Staged & {
    readonly handle: DatabaseSync;
    readonly signal: AbortSignal;
  },
): Promise<Digest> {
  const columns = stage.columns.map(({ name }) => name).join(", ");
  await database.write([sql.raw(`CREATE TABLE ${stage.name} (${columns})`)]);
  return await digestChunks(readCopyRows(handle, table), async (rows) => {
    stopBackupIfAsked(signal);
    // What the runtime puts in the place of bytes that it cannot read; a text may have the character, too.
    if (rows.text.includes("\ufffd")) refuseBadText(handle, table);
    await database.write([insertRows(stage, rows)]);
  });
}

function refuseBadText(handle: DatabaseSync, table: SqliteStoredTable): void {
  const statement = prepare(handle, textBytesQuery(table));
  statement.setReturnArrays(true);
  const error = findBadText(
    "restore",
    table,
    statement.iterate() as unknown as Iterable<readonly SqliteValue[]>,
  );
  if (error !== undefined) throw error;
}

function insertRows(stage: SqliteStoredTable, { content }: RowChunk): SQL {
  const into = sql.raw(insertInto(stage));
  if ("json" in content) {
    const [before, after] = selectFromJson(stage.columns.length).split("?");
    return sql`${into} ${sql.raw(before!)}${content.json}${sql.raw(after!)}`;
  }
  const tuples = content.values.map((row) => sql`(${sql.join(row.map(valueSql), sql.raw(", "))})`);
  return sql`${into} VALUES ${sql.join(tuples, sql.raw(", "))}`;
}

/** A floating-point number without a fraction would be sent as an integer, and an infinite one not at all. */
function valueSql(value: SqliteValue): SQL {
  if (value === Infinity) return sql.raw("9e999");
  if (value === -Infinity) return sql.raw("-9e999");
  return typeof value === "number" ? sql`CAST(${value} AS REAL)` : sql`${value}`;
}

/** Compares what the server now holds with the copy, before anything depends on it. */
async function refuseIfChanged(
  { url, signal }: Replacement,
  { table, stage, sent }: Staged & { readonly sent: Digest },
): Promise<void> {
  const got = await withLibsqlSnapshot(url, signal, (snapshot) => digestChunks(snapshot.table(stage)));
  if (sent.rows === got.rows && sent.digest === got.digest) return;
  throw new HarborError(
    "backup_failed",
    `Cannot restore the table "${table.name}": the server does not hold what it was sent`,
    {
      hint: "Nothing was replaced. Run the same command again.",
      details: { sent: sent.rows, got: got.rows },
    },
  );
}

async function swap(database: Database, { definitions, tables, sequences }: StoredCopy): Promise<void> {
  const old = await database.read<{ type: string; name: string }>(
    sql`SELECT s.type AS type, s.name AS name FROM sqlite_schema AS s LEFT JOIN pragma_table_list AS l
ON l.name = s.name AND l.schema = 'main'
WHERE s.type IN ('trigger', 'view', 'table') AND coalesce(l.type, '') <> 'shadow' AND s.name <> ${lockTable}
AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND s.name NOT LIKE 'libsql\\_%' ESCAPE '\\' AND NOT ${
      sql.raw(isStage("s.name"))
    }
ORDER BY CASE s.type WHEN 'trigger' THEN 1 WHEN 'view' THEN 2 ELSE 3 END`,
  );
  const make = (type: string) =>
    definitions.filter((each) => each.type === type).map((each) => sql.raw(each.sql));
  try {
    await database.write([
      ...old.map(({ type, name }) => drop(type.toUpperCase(), name)),
      ...make("table"),
      ...tables.flatMap((table, index) => {
        const stage = stageOf(table, index);
        const columns = stage.columns.map(({ name }) => name).join(", ");
        return [
          sql.raw(`${insertInto(table)} SELECT ${columns} FROM ${stage.name} ORDER BY rowid`),
          drop("TABLE", stage.name),
        ];
      }),
      ...sequences === null ? [] : [
        sql`DELETE FROM sqlite_sequence`,
        ...sequences.map(({ name, seq }) =>
          sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${name}, ${seq})`
        ),
      ],
      ...make("index"),
      ...make("view"),
      ...make("trigger"),
    ], "replace");
  } catch (error) {
    const isDone = error instanceof HarborError && error.details.committed === true;
    if (!isDone) throw error;
  }
}

function drop(kind: string, name: string): SQL {
  return sql.raw(`DROP ${kind} IF EXISTS ${quoteName(name)}`);
}
