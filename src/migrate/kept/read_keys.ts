import { sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { type KeyChoice, keysOf } from "./rules/keys.ts";
import { list } from "./side/words.ts";

/** Returns the columns of {@link keysOf}; none where rows of tables that inherit from it are called as others are. Reads only. */
export async function readKeys(
  database: Pick<Database, "read">,
  choice: KeyChoice,
): Promise<readonly string[]> {
  const keys = keysOf(choice);
  const { name, heirs } = choice.table;
  if (heirs === undefined || keys.length === 0) return keys;
  const twins = await database.read(
    sql`SELECT 1 AS one FROM ${ownTable(name)} GROUP BY ${
      list(keys.map(sql.identifier))
    } HAVING count(*) > 1 LIMIT 1`,
  );
  return twins.length > 0 ? [] : keys;
}
