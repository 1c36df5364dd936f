import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";

/** Returns what a view of PostgreSQL, be it materialized, is declared with; `null` for what is none. */
export function postgresView(thing: unknown) {
  if (is(thing, pg.PgView)) return pg.getViewConfig(thing);
  return is(thing, pg.PgMaterializedView) ? pg.getMaterializedViewConfig(thing) : null;
}

/** Returns what a view of either dialect is declared with; `null` for what is none. */
export function viewConfig(thing: unknown) {
  return postgresView(thing) ?? (is(thing, lite.SQLiteView) ? lite.getViewConfig(thing) : null);
}
