import { sql } from "drizzle-orm";
import type { Database } from "../../database.ts";
import type { FoundSetting } from "../../inspector.ts";
import { ownSchemas, shownName } from "./place.ts";

/** Returns which tables hide rows or do not outlive a crash. */
export async function readTableSettings(database: Database): Promise<readonly FoundSetting[]> {
  return await database.read<FoundSetting>(
    sql`SELECT ${
      sql.raw(shownName("c.relnamespace", "c.relname"))
    } AS "table", s.setting, EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid) AS "hasPolicy" FROM pg_class c, LATERAL (VALUES ('row-level security', c.relrowsecurity), ('forced row-level security', c.relrowsecurity AND c.relforcerowsecurity), ('unlogged', c.relpersistence = 'u')) AS s (setting, is_on) WHERE c.relnamespace = ${
      sql.raw(ownSchemas)
    } AND c.relkind IN ('r', 'p') AND s.is_on ORDER BY 1, 2`,
  );
}
