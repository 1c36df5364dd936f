import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Values } from "./room.ts";
import { words } from "./side/words.ts";

/** Up to how many rows a table is looked through for something to keep. */
const fewRows = 1_000;

/**
 * Returns what goes before a batch that destroys nothing at this moment, and lets it fail when there is something to keep by
 * then. `null` when there is something, or a short look does not tell: then a side table is made, and what goes there is
 * read where it is destroyed.
 */
export async function guardsOf(
  database: Database,
  values: readonly Values[],
): Promise<readonly SQL[] | null> {
  if (values.length === 0) return [];
  const { lock } = words[database.dialect];
  const looks = values.map(({ table, where }) => {
    const rows = sql`SELECT * FROM ${ownTable(table)}`;
    const more = sql`EXISTS (${rows} LIMIT 1 OFFSET ${sql.raw(String(fewRows))})`;
    return sql`EXISTS (SELECT 1 FROM (${rows} LIMIT ${sql.raw(String(fewRows))}) AS t${
      where === null ? sql`` : sql` WHERE ${where}`
    }) OR ${more}`;
  });
  if (await isTrue(database, sql.join(looks, sql` OR `))) return null;
  return values.flatMap(({ table, where }) => [
    ...lock(table),
    // No revision is called NULL: the table refuses it.
    sql`INSERT INTO ${ownTable("harbor_version")} (revision) SELECT NULL WHERE EXISTS (SELECT 1 FROM ${
      ownTable(table)
    } AS t${where === null ? sql`` : sql` WHERE ${where}`})`,
  ]);
}

async function isTrue(database: Database, condition: SQL): Promise<boolean> {
  try {
    const [row] = await database.read<{ readonly yes: unknown }>(
      sql`SELECT CASE WHEN ${condition} THEN 1 ELSE 0 END AS yes`,
    );
    return Number(row?.yes) !== 0;
  } catch (error) {
    // What it cannot read, it does not know.
    if (error instanceof HarborError && error.code === "statement_failed") return true;
    throw error;
  }
}

/** Whether one of so many guards let a batch fail. */
export function isGuarded(error: unknown, guards: number): boolean {
  if (!(error instanceof HarborError)) return false;
  const { code, details: { index } } = error;
  return ["statement_failed", "missing_table"].includes(code) && typeof index === "number" && index < guards;
}
