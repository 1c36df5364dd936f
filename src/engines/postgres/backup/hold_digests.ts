import { type SQL, sql } from "drizzle-orm";
import { stopIfAsked } from "../../../base/interrupt.ts";
import type { HoldContents, Readable } from "../../watch/held_contents.ts";
import { ownTable } from "../../statement_names.ts";

/** Holds of each table with a primary key how many rows it has, and a digest of each column. */
export const holdDigests: HoldContents = async (database, { tables }, signal) => {
  const held = new Map<string, Digests>();
  for (const { name, primaryKey, columns } of tables) {
    if (primaryKey.length === 0) continue;
    stopIfAsked(signal);
    const names = columns.map((column) => column.name);
    held.set(name, await readDigests(database, name, { key: primaryKey, columns: names }));
  }
  return {
    async changed({ name, was, key, columns }, signal) {
      stopIfAsked(signal);
      const then = held.get(was);
      if (then === undefined) return null;
      const names = columns.map((column) => column.name);
      const now = await readDigests(database, name, {
        key: key.map((column) => column.name),
        columns: names,
      });
      return columns.filter(({ name, was }) =>
        now.rows !== then.rows || now.sums.get(name) !== then.sums.get(was)
      )
        .map(({ name }) => name);
    },
  };
};

interface Digests {
  readonly rows: string;
  readonly sums: ReadonlyMap<string, string>;
}

/**
 * The server hashes the text of each value, beginning with the hash of its row's key, and adds the hashes up: the sum of a
 * column is the same when the rows with the same keys have the same values, in whatever order they are. NULL adds nothing.
 */
async function readDigests(
  database: Readable,
  table: string,
  { key, columns }: { readonly key: readonly string[]; readonly columns: readonly string[] },
): Promise<Digests> {
  const hashOf = (name: string, start: SQL) =>
    // Values that a column's own collation takes for equal are two values here.
    sql`hashtextextended(${sql.identifier(name)}::text COLLATE "C", ${start})`;
  const keyHash = key.reduce((start, name) => hashOf(name, start), sql`0`);
  const sums = columns.map((name, at) =>
    sql`coalesce(sum(${hashOf(name, keyHash)}), 0)::text AS ${sql.identifier(`c${at}`)}`
  );
  const [row] = await database.read<Readonly<Record<string, string>>>(
    sql`SELECT ${sql.join([sql`count(*)::text AS n`, ...sums], sql`, `)} FROM ${ownTable(table)}`,
  );
  return { rows: row!["n"]!, sums: new Map(columns.map((name, at) => [name, row![`c${at}`]!])) };
}
