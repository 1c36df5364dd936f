import { sql } from "drizzle-orm";
import { homeSchema, ownSchemas, shownName } from "./place.ts";

/** The schema of harbor-db's own tables, in a statement. */
export const home = sql.raw(homeSchema);

/** The schemas of the history, in a statement. */
export const own = sql.raw(ownSchemas);

/** How the table `c` is shown, in a statement. */
export const tableName = sql.raw(shownName("c.relnamespace", "c.relname"));
