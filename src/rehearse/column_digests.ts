import { createHash } from "node:crypto";
import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../base/dialect.ts";
import type { Database } from "../engines/database.ts";
import { ownTable } from "../engines/statement_names.ts";

/** Columns of one table. */
export interface DigestedColumns {
  readonly table: string;
  /** Its primary key. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

/** How many rows are read together. */
const sliceRows = 1_000;

/**
 * Returns a digest of each column, by which two columns of databases of one engine are compared value by value: it is the
 * same when the rows with the same keys have the same values, in whatever order the rows are.
 */
export async function columnDigests(database: Database, of: DigestedColumns): Promise<readonly string[]> {
  return await ways[database.dialect](database, of);
}

const ways: Readonly<Record<Dialect, typeof columnDigests>> = { sqlite: readInOrder, postgresql: addUp };

/** SQLite has no function for a digest, so the rows are read in the order of their keys. */
async function readInOrder(
  database: Database,
  { table, key, columns }: DigestedColumns,
): Promise<readonly string[]> {
  const hashes = columns.map(() => createHash("sha256"));
  const keys = list(key);
  const named = columns.map((name, at) => sql`${sql.identifier(name)} AS ${sql.identifier(`c${at}`)}`);
  const joined = columns.map((_, at) => {
    const name = sql.identifier(`c${at}`);
    return sql`group_concat(quote(${name}), char(10)) AS ${name}`;
  });
  let after: SQL = sql``;
  for (;;) {
    const from: SQL = sql`FROM ${ownTable(table)}${after} ORDER BY ${keys} LIMIT ${sliceRows}`;
    const [row] = await database.read<Readonly<Record<string, string | null>>>(
      sql`SELECT ${sql.join(joined, sql`, `)} FROM (SELECT ${sql.join(named, sql`, `)} ${from})`,
    );
    for (const [at, hash] of hashes.entries()) hash.update(`${row?.[`c${at}`] ?? ""}\n`);
    const [edge] = await database.read<Readonly<Record<string, unknown>>>(
      sql`SELECT ${keys} ${from} OFFSET ${sliceRows - 1}`,
    );
    if (edge === undefined) return hashes.map((hash) => hash.digest("hex"));
    after = sql` WHERE (${keys}) > (${sql.join(key.map((name) => sql`${edge[name]}`), sql`, `)})`;
  }
}

/** The server hashes each value with its row's key, and adds the hashes up. */
async function addUp(
  database: Database,
  { table, key, columns }: DigestedColumns,
): Promise<readonly string[]> {
  const text = (name: string) => sql`quote_nullable(${sql.identifier(name)}::text)`;
  const sums = columns.map((name, at) =>
    sql`coalesce(sum(hashtextextended(concat_ws(',', ${
      sql.join([...key, name].map(text), sql`, `)
    }), 0)), 0)::text AS ${sql.identifier(`c${at}`)}`
  );
  const [row] = await database.read<Readonly<Record<string, string>>>(
    sql`SELECT count(*)::text AS n, ${sql.join(sums, sql`, `)} FROM ${ownTable(table)}`,
  );
  return columns.map((_, at) => `${row!["n"]} ${row![`c${at}`]}`);
}

function list(names: readonly string[]): SQL {
  return sql.join(names.map((name) => sql.identifier(name)), sql`, `);
}
