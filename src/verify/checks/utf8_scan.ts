import { isUtf8 } from "node:buffer";
import { type Name, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { quoteName } from "../../sql/quote.ts";
import type { Database } from "../../engines/database.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { isBeyondAscii } from "./text_encoding.ts";

/** Longer rows are not gathered, so that memory stays bounded. */
const gatheredBytes = 1_000;

/** So many rows are gathered at once: of more than half a megabyte, getting the memory takes longer than all the rest. */
const gatheredRows = 1_500;

/** SQLite limits a function to 100 arguments in some builds. */
const mostArguments = 100;

/** Returns a row's texts in one, with a line feed between them, which ends whatever is no whole character. */
function joined(texts: readonly string[]): SQL {
  const parts: string[] = [];
  for (let at = 0; at < texts.length; at += mostArguments - 1) {
    parts.push(
      `concat_ws(char(10), ${
        texts.slice(at, at + mostArguments - 1).map((each) => quoteName(each)).join(", ")
      })`,
    );
  }
  return sql.raw(parts.join(" || char(10) || "));
}

/**
 * Whether no text of a slice can be anything but UTF-8; a slice in which one might be is looked at column by column. Bytes
 * are judged here a hundred times as fast as by a pattern.
 */
export async function areSurelyUtf8(
  database: Database,
  texts: readonly string[],
  { table, id, after, last }: {
    readonly table: string;
    readonly id: Name;
    readonly after: unknown;
    readonly last: unknown;
  },
): Promise<boolean> {
  const most = sql.raw(String(gatheredBytes));
  const all = joined(texts);
  for (let from = after;;) {
    // With a limit the texts are joined once a row, and not for each time that they are named. By its number, since a key may be
    // called as they are here.
    const [row] = await database.read<{ rows: number; last: unknown; gathered: unknown; beyond: unknown }>(
      sql`SELECT count(*) AS "rows", max(id) AS "last", CAST(group_concat(CASE WHEN octet_length(texts) <= ${most} THEN texts END, char(10)) AS BLOB) AS gathered, max(CASE WHEN octet_length(texts) > ${most} THEN ${
        isBeyondAscii(sql`texts`)
      } END) AS beyond FROM (SELECT ${id} AS id, ${all} AS texts FROM ${
        ownTable(table)
      } WHERE ${id} > ${from} AND ${id} <= ${last} ORDER BY 1 LIMIT ${gatheredRows})`,
    );
    const { rows, gathered, beyond } = row!;
    if (Number(beyond ?? 0) !== 0) return false;
    if (gathered !== null && !(gathered instanceof Uint8Array && isUtf8(gathered))) return false;
    if (rows < gatheredRows) return true;
    from = row!.last;
  }
}
