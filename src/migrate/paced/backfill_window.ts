import type { Backfill } from "../../history/scripts/statement.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";

/** A place among the keys of a table, as text; `null` for before the first one. */
export interface KeyPlace {
  readonly key: string | null;
  /** Whether the row with the key itself is still to come. */
  readonly isAhead: boolean;
}

/** The keys that follow a place, up to as many as were asked for. */
export interface Window {
  /** The last of them. */
  readonly last: string;
  readonly walked: number;
  /** How many rows the backfill would change. */
  readonly matching: number;
  /** The first of those; `null` without any. */
  readonly firstMatching: string | null;
}

interface WindowRow {
  readonly last: string | null;
  readonly first_matching: string | null;
  readonly walked: number | bigint | string;
  readonly matching: number | bigint | string;
}

/** Reads what follows a place, no further than to `end`; `null` when nothing does. */
export async function readWindow(
  database: Database,
  backfill: Backfill,
  { from, end, limit }: { readonly from: KeyPlace; readonly end: string | null; readonly limit: number },
): Promise<Window | null> {
  const key = sql.identifier(backfill.key);
  const [row] = await database.read<WindowRow>(
    asked(
      backfill,
      // Some types of keys have an order and no max(): PostgreSQL's uuid. A bare `k` would be the text there.
      sql`WITH w AS (SELECT ${key} AS k, CASE WHEN ${wanted(backfill)} THEN 1 END AS m FROM ${
        ownTable(backfill.table)
      } WHERE ${
        within(backfill, { from, end })
      } ORDER BY ${key} LIMIT ${limit}) SELECT (SELECT CAST(k AS TEXT) FROM w ORDER BY w.k DESC LIMIT 1) AS last, (SELECT CAST(k AS TEXT) FROM w WHERE m = 1 ORDER BY w.k LIMIT 1) AS first_matching, count(*) AS walked, count(m) AS matching FROM w`,
    ),
  );
  if (row === undefined || row.last === null) return null;
  return {
    last: row.last,
    walked: Number(row.walked),
    matching: Number(row.matching),
    firstMatching: row.first_matching,
  };
}

/** Whether the backfill would change any row from a place up to a key. Needs no order, so an index may know at once. */
export async function hasMatch(
  database: Database,
  backfill: Backfill,
  range: { readonly from: KeyPlace; readonly end: string | null },
): Promise<boolean> {
  const rows = await database.read(
    asked(
      backfill,
      sql`SELECT 1 AS found FROM ${ownTable(backfill.table)} WHERE ${wanted(backfill)} AND ${
        within(backfill, range)
      } LIMIT 1`,
    ),
  );
  return rows.length > 0;
}

/**
 * Returns the statement that changes what is wanted of the rows from a place up to a key; `null` for up to the last.
 *
 * @param rows Which are wanted, where the backfill's own condition does not say it
 */
export function updateWithin(backfill: Backfill, range: KeyRange, rows: SQL = wanted(backfill)): SQL {
  return userStatement(sql`${sql.raw(backfill.update)} WHERE ${rows} AND ${within(backfill, range)}`);
}

/** Keys from a place up to one; `null` for up to the last. */
export interface KeyRange {
  readonly from: KeyPlace;
  readonly end: string | null;
}

/** Returns the condition of the rows that {@link updateWithin} changes. */
export function matching(backfill: Backfill, range: KeyRange): SQL {
  return sql`${wanted(backfill)} AND ${within(backfill, range)}`;
}

/** Returns the lowest or the highest key; `null` for an empty table. */
export async function readEdgeKey(
  database: Database,
  { table, key }: Backfill,
  edge: "lowest" | "highest",
): Promise<string | null> {
  const column = sql.identifier(key);
  const [row] = await database.read<{ edge: string }>(
    sql`SELECT CAST(${column} AS TEXT) AS edge FROM ${ownTable(table)} AS t ORDER BY t.${column} ${
      sql.raw(edge === "lowest" ? "ASC" : "DESC")
    } LIMIT 1`,
  );
  return row?.edge ?? null;
}

/** Returns how many keys there are behind a place, or `atMost`, if there are more. */
export async function countKeys(
  database: Database,
  backfill: Backfill,
  { from, atMost }: { readonly from: KeyPlace; readonly atMost: number },
): Promise<number> {
  const [row] = await database.read<{ size: number | bigint | string }>(
    sql`SELECT count(*) AS size FROM (SELECT 1 FROM ${ownTable(backfill.table)} WHERE ${
      within(backfill, { from, end: null })
    } LIMIT ${atMost}) AS r`,
  );
  return Number(row!.size);
}

/** The condition is the script's, and its names are not ours to qualify. */
function asked({ condition }: Backfill, statement: SQL): SQL {
  return condition === null ? statement : userStatement(statement);
}

/** Returns the backfill's own condition. */
export function wanted({ condition }: Backfill): SQL {
  // The line break ends a comment that the condition may end with.
  return condition === null ? sql`TRUE` : sql`(${sql.raw(condition)}\n)`;
}

/**
 * Returns the condition of the rows with keys in a range.
 *
 * @param row What they are called in the statement, where their columns' names alone do not tell
 */
export function within({ key }: Backfill, { from, end }: KeyRange, row: string | null = null): SQL {
  const name = sql.identifier(key);
  const column = row === null ? sql`${name}` : sql`${sql.raw(row)}.${name}`;
  const lower = from.key === null
    ? sql`TRUE`
    : from.isAhead
    ? sql`${column} >= ${from.key}`
    : sql`${column} > ${from.key}`;
  return end === null ? lower : sql`${lower} AND ${column} <= ${end}`;
}
