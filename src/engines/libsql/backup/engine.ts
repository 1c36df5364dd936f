import { counted, formatCount } from "../../../base/quantity.ts";
import type { LibsqlUrl } from "../../../base/url/libsql_url.ts";
import type { TableContent } from "../../backup/content.ts";
import { DatabaseSync } from "node:sqlite";
import { HarborError } from "../../../base/errors.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { OtherObject } from "../../../schema/snapshot.ts";
import type { BackupContent, BackupEngine, OnProgress } from "../../backup/engine.ts";
import { copyFailure } from "../../sqlite/backup/copy_failure.ts";
import { flush } from "../../../base/files/flush.ts";
import { removeLeft } from "../../../base/files/remove.ts";
import { serverPace } from "../pace.ts";
import { replaceLibsql } from "./replace.ts";
import { type LibsqlSnapshot, withLibsqlSnapshot } from "./copy.ts";
import { digestChunks } from "../../sqlite/backup/row_chunk.ts";
import {
  definitionForm,
  type DefinitionRow,
  definitionsQuery,
  schemaDigest,
  type SqliteStoredTable,
  stateDigest,
  storedTables,
  tablesForm,
  tablesQuery,
} from "../../sqlite/backup/content.ts";
import { createCopyFile } from "../../sqlite/backup/copy.ts";
import { proveAndTry } from "../../sqlite/backup/trial.ts";
import { openLoad } from "../../sqlite/backup/load.ts";

/**
 * Makes copies of the database on a libSQL server, as SQLite files. Everything is read in one transaction on the
 * server, which others can write beside. The server's own `/dump` is not used: its text loses the difference between
 * 1 and 1.0, and cannot be read again when a number is infinite.
 */
export function openLibsqlEngine(url: LibsqlUrl): BackupEngine {
  const unaborted = new AbortController().signal;

  return {
    name: "libsql",
    keepsTrials: "beside the copy",
    suffix: ".db",
    estimate: () =>
      withLibsqlSnapshot(url, unaborted, async (snapshot) => {
        const [row] = await snapshot.rows(
          "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        );
        return Number(row?.[0] ?? 0);
      }),
    uncarried: () =>
      withLibsqlSnapshot(url, unaborted, async (snapshot) => (await readPlan(snapshot)).uncarried),
    async dump(path, signal, onProgress) {
      try {
        createCopyFile(path);
      } catch (error) {
        throw copyFailure(url.display, error);
      }
      try {
        const copy = new DatabaseSync(path, {
          enableForeignKeyConstraints: false,
          // Servers take "text" in definitions for a text when there is no such column.
          enableDoubleQuotedStringLiterals: true,
        });
        try {
          const content = await withLibsqlSnapshot(
            url,
            signal,
            (snapshot) => copyAll(snapshot, copy, onProgress),
          );
          copy.exec("COMMIT");
          return content;
        } finally {
          copy.close();
          flush(path);
        }
      } catch (error) {
        await removeLeft(["", "-journal"].map((ending) => path + ending));
        throw copyFailure(url.display, error);
      }
    },
    prove: (path, signal, options) =>
      proveAndTry(path, signal, {
        ...options,
        shown: url.display,
        // A server changes a table in one transaction, however large it is.
        server: { largeRows: Number.MAX_SAFE_INTEGER, pace: serverPace },
        remarks: trialRemarks,
      }),
    trialObstacle: () => Promise.resolve(null),
    restore: (path, signal, options) =>
      replaceLibsql({
        url,
        path,
        signal,
        database: options?.database ?? null,
        onProgress: options?.onProgress,
      }),
  };
}

const trialRemarks = [
  "It was rehearsed as a SQLite file on this machine: what the server, its storage and the way there take comes on top, to each step as to the time for which it holds its lock.",
  "Nobody tells what the run takes on the server's disk: --max-disk holds the forecast alone.",
];

/** What is to be copied. */
interface CopyPlan {
  readonly version: string;
  /** In the order in which they were made, as far as SQLite keeps it. */
  readonly definitions: readonly DefinitionRow[];
  readonly tables: readonly SqliteStoredTable[];
  readonly uncarried: readonly OtherObject[];
}

async function readPlan(snapshot: LibsqlSnapshot): Promise<CopyPlan> {
  const [version] = await snapshot.rows("SELECT sqlite_version()");
  const all = await snapshot.records("sqlite_schema", definitionForm, definitionsQuery);
  const tables = storedTables(await snapshot.records("pragma_table_list", tablesForm, tablesQuery));
  const foreign = await serverOnly(snapshot, all);
  return {
    version: String(version?.[0]),
    definitions: all.filter((each) => !foreign.has(each.name) && !foreign.has(each.tbl_name)),
    tables: tables.filter((table) => !foreign.has(table.name)),
    uncarried: all.filter((each) => foreign.has(each.name)).map(({ type, name, tbl_name, sql }) => ({
      kind: type === "view" || type === "trigger" ? type : "table",
      name,
      table: type === "trigger" ? tbl_name : null,
      sql,
    })),
  };
}

/** Returns the names of what only the server's own SQLite can make: virtual tables with their parts, vector indexes. */
async function serverOnly(
  snapshot: LibsqlSnapshot,
  definitions: readonly DefinitionRow[],
): Promise<ReadonlySet<string>> {
  const virtual = await snapshot.rows(
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('virtual', 'shadow')",
  );
  return new Set([
    ...virtual.map(([name]) => String(name)),
    ...definitions.filter(({ name, sql }) => /\blibsql_/i.test(`${name} ${sql}`)).map(({ name }) => name),
  ]);
}

async function copyAll(
  snapshot: LibsqlSnapshot,
  copy: DatabaseSync,
  onProgress: OnProgress | undefined,
): Promise<BackupContent> {
  const { version, definitions, tables } = await readPlan(snapshot);
  const counts = await countRows(snapshot, tables);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let passed = 0;
  // What is not complete is removed, so nothing has to be rolled back.
  copy.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  const make = (...types: readonly string[]) => {
    for (const { type, sql } of definitions) if (types.includes(type)) copy.exec(sql);
  };
  make("table");
  const contents: TableContent[] = [];
  for (const table of tables) {
    const content = await copyTable(snapshot, copy, {
      table,
      expected: counts.get(table.name)!,
      onRows: (count) => onProgress?.((passed += count) / Math.max(total, 1)),
    });
    contents.push(content);
  }
  await copySequences(snapshot, copy);
  make("index");
  make("view");
  make("trigger");
  return {
    serverVersion: version,
    tables: contents,
    schema: schemaDigest(definitions),
    state: stateDigest(copy),
  };
}

async function countRows(
  snapshot: LibsqlSnapshot,
  tables: readonly SqliteStoredTable[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { name } of tables) {
    const [row] = await snapshot.rows(`SELECT count(*) FROM ${quoteName(name)}`);
    counts.set(name, Number(row?.[0]));
  }
  return counts;
}

interface TableCopy {
  readonly table: SqliteStoredTable;
  /** Rows in the same snapshot. */
  readonly expected: number;
  onRows(count: number): void;
}

async function copyTable(
  snapshot: LibsqlSnapshot,
  copy: DatabaseSync,
  { table, expected, onRows }: TableCopy,
): Promise<TableContent> {
  const load = openLoad(copy, table);
  const { rows, digest } = await digestChunks(snapshot.table(table), (chunk) => {
    load(chunk);
    onRows(chunk.count);
  });
  if (rows === expected) return { name: table.name, rows, digest };
  throw new HarborError(
    "backup_failed",
    `Cannot copy the table "${table.name}": only ${formatCount(rows)} of its ${
      counted(expected, "row")
    } came`,
    { hint: "Run the same command again." },
  );
}

/** What AUTOINCREMENT counts from, so that no number is given out again. */
async function copySequences(snapshot: LibsqlSnapshot, copy: DatabaseSync): Promise<void> {
  const query = "SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'";
  if ((await snapshot.rows(query)).length === 0 || copy.prepare(query).get() === undefined) return;
  copy.exec("DELETE FROM sqlite_sequence");
  const insert = copy.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)");
  for (const row of await snapshot.rows("SELECT name, seq FROM sqlite_sequence")) insert.run(...row);
}
