import type { Database } from "../database.ts";
import type { Held } from "../held.ts";

/**
 * Returns what hangs on tables and keeps a script from running that does not name it, or works no more behind it; `null` for nothing, and
 * on PostgreSQL, whose schema tells as much (`OtherObject.holds`).
 *
 * @param scripts Those that run one after the other, each as its statements
 */
export async function findHolders(
  database: Database,
  scripts: readonly (readonly string[])[],
): Promise<Held | null> {
  switch (database.dialect) {
    case "sqlite":
      return await (await import("../sqlite/beside/holders.ts")).findHolders(database, scripts);
    case "postgresql":
      return null;
  }
}
