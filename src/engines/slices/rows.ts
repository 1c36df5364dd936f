import { type SQL, sql } from "drizzle-orm";
import { setTimeout as sleep } from "node:timers/promises";
import type { Dialect } from "../../base/dialect.ts";
import { rowIdWords } from "../../sql/row_id.ts";
import type { Database } from "../database.ts";
import { readInSlices, type Slice } from "./keys.ts";
import { ownTable } from "../statement_names.ts";

/** Rows of a table that follow one another by the ids that SQLite gives them. */
export interface RowSlice {
  /** The word for that id. */
  readonly word: string;
  /** The last id before them. */
  readonly after: unknown;
  readonly limit: number;
}

/** Asks for the word by which the rows of a table are told apart; no row where there is none. `null` where nobody waits for a reader. */
const rowIdQuery: Readonly<Record<Dialect, ((table: string) => SQL) | null>> = {
  sqlite: (table) =>
    sql`SELECT w.word FROM (${
      sql.join(rowIdWords.map((word) => sql`SELECT ${word} AS word`), sql` UNION ALL `)
    }) AS w JOIN pragma_table_list AS l ON l.schema = 'main' AND lower(l.name) = lower(${table}) AND l.type = 'table' AND NOT l.wr WHERE NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(l.name) AS c WHERE lower(c.name) = w.word) LIMIT 1`,
  postgresql: null,
};

/**
 * Reads all rows of a table slice by slice: with SQLite's rollback journal nobody commits while somebody reads, and nobody is to wait
 * for long. A table whose rows have no ids, and one of another engine, is one slice (`null`).
 *
 * @throws what `read` and `next` throw
 */
export async function readRowSlices(
  database: Database,
  table: string,
  { read, next = () => {} }: {
    readonly read: (slice: RowSlice | null) => Promise<Slice>;
    /** Called before each. */
    readonly next?: () => void;
  },
): Promise<void> {
  const query = rowIdQuery[database.dialect];
  const [id] = query === null ? [] : await database.read<{ readonly word: string }>(query(table));
  if (id === undefined) {
    next();
    await read(null);
    return;
  }
  const turns = {
    async next() {
      next();
      await sleep(1);
    },
  };
  const { word } = id;
  await readInSlices(
    database,
    turns,
    ({ after = smallestRowId, limit }) => read({ word, after, limit }),
  );
}

const smallestRowId = -9223372036854775808n;

/**
 * Returns the id of rows, and which of them are in a slice.
 *
 * @param rows What the statement calls them
 */
export function inSlice(
  table: string,
  { word, after, limit }: RowSlice,
  rows = "t",
): Readonly<Record<"id" | "where", SQL>> {
  const id = sql.raw(word);
  const own = sql`${sql.identifier(rows)}.${id}`;
  const end = sql`SELECT max(s.id) FROM (SELECT r.${id} AS id FROM ${
    ownTable(table)
  } AS r WHERE r.${id} > ${after} ORDER BY r.${id} LIMIT ${limit}) AS s`;
  // Of the rows themselves no value needs to be read whose length is in their head: a subquery would copy each.
  return { id: own, where: sql`${own} > ${after} AND ${own} <= (${end})` };
}
