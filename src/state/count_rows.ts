import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import { counted } from "../base/quantity.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { stopBetween } from "../engines/stop_between.ts";
import type { RowWrite } from "../engines/beside.ts";
import type { Database } from "../engines/database.ts";
import { inSlice, readRowSlices } from "../engines/slices/rows.ts";
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
 * Counts a table's rows, and those of them that have a value in columns of it, in one pass of limited length; in slices where others
 * wait for a reader.
 *
 * @returns The table's count and then the columns'; `null` when this user may not see all rows, or there is no such table
 * or column
 */
export async function countRows(
  database: Database,
  table: string,
  columns: readonly string[] = [],
): Promise<readonly [RowCount, ...RowCount[]] | null> {
  const read = database.readsBlockWriters() ? countInSlices : countAtOnce;
  return await ifCountable(async () => {
    const [rows, ...values] = await read(database, table, columns);
    const isAtLeast = rows! > most;
    const count = (value: number): RowCount => ({ rows: Math.min(value, most), isAtLeast });
    return [count(rows!), ...values.map(count)];
  });
}

type CountedRow = Readonly<Record<string, number | bigint | string | null>>;

async function countAtOnce(
  database: Database,
  table: string,
  columns: readonly string[],
): Promise<readonly number[]> {
  const places = columns.map((_, place) => sql.identifier(`c${place}`));
  const taken = columns.map((column, place) => sql`${sql.identifier(column)} AS ${places[place]!}`);
  const counts = [sql`count(*) AS n`, ...places.map((place) => sql`count(${place}) AS ${place}`)];
  const [row = {}] = await database.read<CountedRow>(
    sql`SELECT ${sql.join(counts, sql`, `)} FROM (SELECT ${
      sql.join([sql`1 AS one`, ...taken], sql`, `)
    } FROM ${ownTable(table)} LIMIT ${sql.raw(String(most + 1))}) AS seen`,
  );
  return ["n", ...columns.map((_, place) => `c${place}`)].map((name) => Number(row[name]));
}

/** The same where others wait for as long as a table is read. */
async function countInSlices(
  database: Database,
  table: string,
  columns: readonly string[],
): Promise<readonly number[]> {
  const sums = [0, ...columns.map(() => 0)];
  const counts = [
    sql`count(*) AS n`,
    ...columns.map((name, place) => sql`count(t.${sql.identifier(name)}) AS ${sql.identifier(`c${place}`)}`),
  ];
  await readRowSlices(database, table, {
    async read(slice) {
      if (slice === null) {
        (await countAtOnce(database, table, columns)).forEach((count, place) => sums[place] = count);
        return { rows: 0, last: null };
      }
      const limit = Math.min(slice.limit, most + 1 - sums[0]!);
      const { id, where } = inSlice(table, { ...slice, limit });
      const [row = {}] = await database.read<CountedRow>(
        sql`SELECT ${sql.join(counts, sql`, `)}, max(${id}) AS last FROM ${
          ownTable(table)
        } AS t WHERE ${where}`,
      );
      const rows = Number(row["n"]);
      sums[0]! += rows;
      columns.forEach((_, place) => sums[place + 1]! += Number(row[`c${place}`]));
      return { rows: limit < slice.limit ? 0 : rows, last: row["last"] };
    },
  });
  return sums;
}

/** Returns whether a table has a row; `null` where this user may not see all rows, or there is no such table. */
export async function hasRows(database: Database, table: string): Promise<boolean | null> {
  const query = sql`SELECT 1 AS found FROM ${ownTable(table)} LIMIT 1`;
  return await ifCountable(async () => (await database.read(query)).length > 0);
}

/** The condition that every row meets, as `RowWrite` has it. */
export const allRows = "TRUE";

/** Of so many conditions it is counted in a look at each row what they mean: each takes its time. */
const mostLooks = 20;

/**
 * Returns how many rows scripts' conditions mean now, by their texts: by a key at most as many as {@link countRows} looks at, and in a
 * look at each row how many of those, in slices where others wait for a reader. Left out are those of which nobody can tell.
 *
 * @throws {HarborError} `interrupted`
 */
export async function countWhere(
  { database, signal }: { readonly database: Database; readonly signal: AbortSignal },
  table: string,
  writes: readonly RowWrite[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const rows = ownTable(table);
  const limit = sql.raw(`LIMIT ${most}`);
  const asked = Map.groupBy(writes.filter(({ condition }) => condition !== allRows), ({ found }) => found);
  const texts = (by: RowWrite["found"]) => [...new Set(asked.get(by)?.map(({ condition }) => condition))];
  const stopHere = stopBetween(signal);
  const read = async (columns: readonly SQL[], from: SQL, conditions: readonly string[]) => {
    await stopHere();
    const found = await ifCountable(() =>
      database.read<Readonly<Record<string, number | bigint>>>(
        userStatement(sql`SELECT ${sql.join([...columns], sql`, `)} FROM (${from})`),
      )
    );
    if (found === null) return;
    conditions.forEach((text, place) => counts.set(text, Number(found[0]![`c${place}`])));
  };
  for (const text of texts("key")) {
    await read([sql`count(*) AS c0`], sql`SELECT 1 FROM ${rows} WHERE (${sql.raw(text)}) ${limit}`, [text]);
  }
  const looks = texts("look").slice(0, mostLooks);
  if (looks.length === 0) return counts;
  const seen = looks.map((text, place) => sql.raw(`(${text}) AS c${place}`));
  const met = looks.map((_, place) => sql.raw(`count(CASE WHEN c${place} THEN 1 END) AS c${place}`));
  if (!database.readsBlockWriters()) {
    await read(met, sql`SELECT ${sql.join(seen, sql`, `)} FROM ${rows} ${limit}`, looks);
    return counts;
  }
  const sums = looks.map(() => 0);
  let left = most;
  const isCounted = await ifCountable(async () => {
    await readRowSlices(database, table, {
      next: () => stopIfAsked(signal),
      async read(slice) {
        const part = slice && { ...slice, limit: Math.min(slice.limit, left) };
        const { id, where } = part === null
          ? { id: sql`NULL`, where: sql`TRUE ${limit}` }
          // A condition may have the table's name before a column's.
          : inSlice(table, part, table);
        const [row = {}] = await database.read<CountedRow>(
          userStatement(
            sql`SELECT ${sql.join([...met], sql`, `)}, count(*) AS n, max(harbor_id) AS last FROM (SELECT ${
              sql.join([...seen, sql`${id} AS harbor_id`], sql`, `)
            } FROM ${rows} AS ${sql.identifier(table)} WHERE ${where})`,
          ),
        );
        looks.forEach((_, place) => sums[place]! += Number(row[`c${place}`]));
        const n = Number(row["n"]);
        left -= n;
        return { rows: part === null || part.limit < slice!.limit ? 0 : n, last: row["last"] };
      },
    });
    return true;
  });
  if (isCounted) looks.forEach((text, place) => counts.set(text, sums[place]!));
  return counts;
}

/** Counts; `null` where this user may not, or what is to be counted is not there. */
async function ifCountable<Count>(count: () => Promise<Count>): Promise<Count | null> {
  try {
    return await count();
  } catch (error) {
    if (error instanceof HarborError && !["connection_failed", "interrupted"].includes(error.code)) {
      return null;
    }
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
