import type { LibsqlUrl } from "../../../base/url/libsql_url.ts";
import { HarborError } from "../../../base/errors.ts";
import { unlessAsked } from "../../../base/interrupt.ts";
import { quoteName } from "../../../sql/quote.ts";
import { type RowForm, type RowOf, rowsOfForm } from "../../../base/row_form.ts";
import { type HranaStream, openHranaStream } from "../hrana.ts";
import { HranaFailure } from "../hrana_fetch.ts";
import { connectionFailure, engineFailure } from "../errors.ts";
import { chunkOfLines, type RowChunk } from "../../sqlite/backup/row_chunk.ts";
import { findBadText, textBytesQuery } from "../../sqlite/backup/bad_text.ts";
import type { SqliteStoredTable } from "../../sqlite/backup/content.ts";
import {
  isPlainRowFailure,
  plainRowSql,
  rowText,
  sendableSql,
  valuesOfSendable,
} from "../../sqlite/backup/row_text.ts";
import { own, type SqliteStatement, type SqliteValue } from "../../sqlite/connection/statement.ts";
import { stopBackupIfAsked } from "../../../base/stop_backup.ts";

/** Milliseconds for one answer. A server that died must not hold us for ever. */
const limitMs = 60_000;

/** Characters that one answer should have: fewer ask too often, more take too much memory on both sides. */
const chunkSize = 512 * 1024;
const mostRows = 5_000;

/** A server's database in one state, whatever others write meanwhile. */
export interface LibsqlSnapshot {
  /** Runs a query and returns its rows as lists. */
  rows(text: string, values?: readonly SqliteValue[]): Promise<readonly (readonly SqliteValue[])[]>;
  /** Runs a query and returns its rows by the names in a form, which stand in the query's order. */
  records<const Form extends RowForm>(table: string, form: Form, text: string): Promise<RowOf<Form>[]>;
  /** Reads a table piece by piece, in the order in which it is stored. */
  table(table: SqliteStoredTable): AsyncGenerator<RowChunk>;
}

/**
 * Runs work with one consistent state of a server's database. It is only good when the transaction that it was read in
 * ends as it should, so what `work` returned is returned after that.
 *
 * @throws {HarborError} `connection_failed` when the server goes away; `interrupted`
 */
export async function withLibsqlSnapshot<T>(
  url: LibsqlUrl,
  signal: AbortSignal,
  work: (snapshot: LibsqlSnapshot) => Promise<T>,
): Promise<T> {
  const stream = open(url);
  const ask = createAsk(url, stream.run, signal);
  try {
    await ask(own("BEGIN"));
    // A transaction sees the state at its first read.
    await ask(own("SELECT 1 FROM sqlite_schema LIMIT 1"));
    const result = await work({
      rows: (text, values = []) => ask({ text, values }),
      async records(table, form, text) {
        const names = Object.keys(form);
        const rows = await ask(own(text));
        return rowsOfForm(
          table,
          form,
          rows.map((row) => Object.fromEntries(names.map((name, place) => [name, row[place]]))),
        );
      },
      table: (table) => readTable({ ask, refused: (error, page) => findUnsendable(url, error, page) }, table),
    });
    await createAsk(url, stream.end, signal)(own("COMMIT"));
    return result;
  } finally {
    stream.close();
  }
}

type Ask = (statement: SqliteStatement) => Promise<readonly (readonly SqliteValue[])[]>;

function open(url: LibsqlUrl): HranaStream {
  try {
    return openHranaStream(url, limitMs);
  } catch (error) {
    throw error instanceof HranaFailure ? connectionFailure(url.display, error) : error;
  }
}

function createAsk(url: LibsqlUrl, run: HranaStream["run"], signal: AbortSignal): Ask {
  return async (statement) => {
    stopBackupIfAsked(signal);
    try {
      const [result] = await unlessAsked(run([{ ...statement, readsRows: true }]), signal);
      if (result && "rows" in result) return result.rows;
      const error = result ?? { error: "the server left it out", code: null };
      throw engineFailure(url.display, { ...statement, index: null }, error);
    } catch (error) {
      stopBackupIfAsked(signal);
      throw error instanceof HranaFailure ? connectionFailure(url.display, error, statement.text) : error;
    }
  };
}

interface Reader {
  readonly ask: Ask;
  /** Returns an error that says more of why a page could not be read. */
  refused(error: unknown, page: Page): Promise<unknown>;
}

async function* readTable({ ask, refused }: Reader, table: SqliteStoredTable): AsyncGenerator<RowChunk> {
  const key = table.order;
  if (key.length === 0) {
    throw new HarborError(
      "backup_failed",
      `Cannot copy the table "${table.name}": its columns hide its row id`,
      {
        hint: `Give one of them another name: ALTER TABLE ${
          quoteName(table.name)
        } RENAME COLUMN oid TO other_oid;`,
      },
    );
  }
  let after: readonly SqliteValue[] | null = null;
  let limit = 200;
  let isPlain = table.hasRowid;
  while (true) {
    const page: Page = { table, after, limit };
    let read: Read | null;
    try {
      read = isPlain ? await readPlain(ask, page) : await readAny(ask, page);
    } catch (error) {
      const next = afterRefusal(error, { isPlain, limit });
      if (next === null) throw await refused(error, page);
      ({ isPlain, limit } = next);
      continue;
    }
    // SQLite's JSON functions end a text at a NUL.
    if (read !== null && isPlain && read.chunk.text.includes("\\u0000")) read = await readAny(ask, page);
    if (read === null) return;
    yield read.chunk;
    after = read.last;
    const perRow = Math.max(1, read.chunk.text.length / read.chunk.count);
    limit = Math.max(1, Math.min(limit * 4, mostRows, Math.floor(chunkSize / perRow)));
  }
}

/** Says how to ask again for what the server refused; `null` when that is of no use. */
function afterRefusal(
  error: unknown,
  { isPlain, limit }: { readonly isPlain: boolean; readonly limit: number },
): { readonly isPlain: boolean; readonly limit: number } | null {
  if (!(error instanceof HarborError)) return null;
  if (isPlain && isPlainRowFailure(error.message)) return { isPlain: false, limit };
  const isTooLong = /response is too large|string or blob too big/i.test(error.message);
  return isTooLong && limit > 1 ? { isPlain, limit: Math.max(1, Math.floor(limit / 8)) } : null;
}

interface Page {
  readonly table: SqliteStoredTable;
  /** The key after which it begins; `null` for the first. */
  readonly after: readonly SqliteValue[] | null;
  readonly limit: number;
}

interface Read {
  readonly chunk: RowChunk;
  /** The key of its last row. */
  readonly last: readonly SqliteValue[];
}

/** Has the server write the rows as JSON: a hundred times fewer values to send than one by one. */
async function readPlain(ask: Ask, { table, after, limit }: Page): Promise<Read | null> {
  const [key] = table.order;
  const where = after === null ? "" : ` WHERE ${key} > ?`;
  const [row] = await ask({
    text: `SELECT group_concat(j, char(10)), count(*), max(k) FROM (SELECT ${key} AS k, ${
      plainRowSql(table.columns)
    } AS j
FROM ${quoteName(table.name)}${where} ORDER BY ${key} LIMIT ${limit})`,
    values: after ?? [],
  });
  const [lines, count, last] = row ?? [];
  if (lines === null || lines === undefined) return null;
  return { chunk: chunkOfLines(String(lines), Number(count)), last: [last!] };
}

async function readAny(ask: Ask, page: Page): Promise<Read | null> {
  const { table, after } = page;
  const names = [...table.order, ...sendableSql(table.columns)];
  const rows = await ask({
    text: `SELECT ${names.join(", ")} FROM ${quoteName(table.name)}${partOf(page)}`,
    values: after ?? [],
  });
  const last = rows.at(-1)?.slice(0, table.order.length);
  if (last === undefined) return null;
  const values = rows.map((row) => valuesOfSendable(row.slice(table.order.length)));
  return { chunk: { count: rows.length, text: values.map(rowText).join(""), content: { values } }, last };
}

/** Returns what follows a table's name in the query for a page. */
function partOf({ table, after, limit }: Page): string {
  const key = table.order.join(", ");
  const where = after === null ? "" : ` WHERE (${key}) > (${after.map(() => "?").join(", ")})`;
  return `${where} ORDER BY ${key} LIMIT ${limit}`;
}

/**
 * Says what a server could not send: an infinite number in a key, or a text that is not UTF-8, for which it answers with
 * status 500, and the connection is gone.
 */
async function findUnsendable(url: LibsqlUrl, error: unknown, page: Page): Promise<unknown> {
  if (error instanceof HarborError && error.details.isInfinite) {
    const { name, order } = page.table;
    return error.with({
      message: `Cannot copy the table "${name}"`,
      state: "its key holds an infinite number, which a libSQL server cannot send",
      hint: order.map((column) =>
        `Write another number there: UPDATE ${
          quoteName(name)
        } SET ${column} = 0 WHERE ${column} IN (9e999, -9e999);`
      ),
    });
  }
  if (!(error instanceof HarborError && error.details["status"] === 500)) return error;
  const stream = open(url);
  try {
    const { table, after } = page;
    const ask = createAsk(url, stream.end, new AbortController().signal);
    const rows = await ask({ text: textBytesQuery(table, partOf(page)), values: after ?? [] });
    return findBadText("copy", table, rows) ?? error;
  } catch {
    return error;
  } finally {
    stream.close();
  }
}
