import type { Database } from "../database.ts";
import type { MissingRights } from "../inspector.ts";

/**
 * Returns why the connected user may not change tables or make new ones, with the remedy; `null` when it may, or when only
 * trying can tell, as of SQLite, which has no users.
 *
 * @param tables Returns the tables that are meant, where it comes to those
 */
export async function missingRights(
  database: Database,
  tables: () => Promise<readonly string[]>,
): Promise<MissingRights | null> {
  switch (database.dialect) {
    case "sqlite":
      return null;
    case "postgresql":
      return (await import("../postgres/missing_rights.ts")).missingRights(database, tables);
  }
}

/** Returns why nobody, or not this user, may write anything there at all, with the remedy; `null` where only trying can tell. */
export async function keptFromWriting(database: Database): Promise<MissingRights | null> {
  switch (database.dialect) {
    case "sqlite":
      return null;
    case "postgresql":
      return (await import("../postgres/missing_rights.ts")).keptFromWriting(database);
  }
}
