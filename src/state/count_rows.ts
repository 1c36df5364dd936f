import { sql } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import { counted } from "../base/quantity.ts";
import type { Database } from "../engines/database.ts";
import { ownTable, userStatement } from "../engines/statement_names.ts";

/** So many rows of a table are counted, which takes a server or a disk well under a second. */
const most = 1_000_000;

/** How many rows there are. */
export interface RowCount {
  readonly rows: number;
  /** Whether the table has more rows than were looked at. */
  readonly isAtLeast: boolean;
}

/**
 * Counts a table's rows, and those of them that have a value in columns of it, in one pass of limited length.
 *
 * @returns The table's count and then the columns'; `null` when this user may not see all rows, or there is no such table
 * or column
 */
export async function countRows(
  database: Database,
  table: string,
  columns: readonly string[] = [],
): Promise<readonly [RowCount, ...RowCount[]] | null> {
  const places = columns.map((_, place) => sql.identifier(`c${place}`));
  const taken = columns.map((column, place) => sql`${sql.identifier(column)} AS ${places[place]!}`);
  const counts = [sql`count(*) AS n`, ...places.map((place) => sql`count(${place}) AS ${place}`)];
  return await ifCountable(async () => {
    const [row = {}] = await database.read<Readonly<Record<string, number | bigint | string>>>(
      sql`SELECT ${sql.join(counts, sql`, `)} FROM (SELECT ${
        sql.join([sql`1 AS one`, ...taken], sql`, `)
      } FROM ${ownTable(table)} LIMIT ${sql.raw(String(most + 1))}) AS seen`,
    );
    const rows = Number(row["n"]);
    const isAtLeast = rows > most;
    const count = (value: unknown): RowCount => ({ rows: Math.min(Number(value), most), isAtLeast });
    return [count(rows), ...columns.map((_, place) => count(row[`c${place}`]))];
  });
}

/**
 * Returns how many of the rows that {@link countRows} looks at a script's condition means now; `null` where it asks for other
 * rows, or for what is not there yet.
 */
export async function countWhere(
  database: Database,
  table: string,
  condition: string,
): Promise<number | null> {
  if (/\bSELECT\b/i.test(condition)) return null;
  return await ifCountable(async () => {
    // Under the table's own name, by which the condition may call it.
    const [row] = await database.read<{ readonly n: number | bigint }>(
      userStatement(
        sql`SELECT count(*) AS n FROM (SELECT * FROM ${ownTable(table)} LIMIT ${sql.raw(String(most))}) AS ${
          sql.identifier(table)
        } WHERE ${sql.raw(condition)}`,
      ),
    );
    return Number(row!.n);
  });
}

/** Counts; `null` where this user may not, or what is to be counted is not there. */
async function ifCountable<Count>(count: () => Promise<Count>): Promise<Count | null> {
  try {
    return await count();
  } catch (error) {
    if (error instanceof HarborError && error.code !== "connection_failed") return null;
    throw error;
  }
}

/** Says how many there are: `120 rows`, `at least 1 000 000 rows`; of what could not be counted that it could not be. */
export function countText(count: RowCount | null, one = "row"): string {
  if (count === null) return `${one}s that this user may not count`;
  return `${count.isAtLeast ? "at least " : ""}${counted(count.rows, one)}`;
}

/** Adds counts up; `null` when one is not known. */
export function sumOf(counts: readonly (RowCount | null)[]): RowCount | null {
  return counts.reduce<RowCount | null>(
    (sum, count) =>
      sum === null || count === null
        ? null
        : { rows: sum.rows + count.rows, isAtLeast: sum.isAtLeast || count.isAtLeast },
    { rows: 0, isAtLeast: false },
  );
}
