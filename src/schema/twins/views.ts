import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import { SQL, sql } from "drizzle-orm/sql/sql";
import * as lite from "drizzle-orm/sqlite-core";
import { sqliteQuery } from "./expression.ts";
import { sqliteVariant } from "./per_dialect.ts";
import { refuse } from "./refuse.ts";
import { casedName, type Casing } from "./tables.ts";

/**
 * Returns the views of SQLite that show the same rows as the `pgView`s of a module.
 *
 * @throws {HarborError} `bad_schema` for what SQLite cannot have, or say in the same words
 */
export function sqliteViews(
  others: Readonly<Record<string, unknown>>,
  { casing }: { readonly casing?: Casing | undefined },
): Readonly<Record<string, lite.SQLiteView>> {
  const made = Object.entries(others).flatMap(([key, value]) => {
    if (is(value, pg.PgMaterializedView)) {
      const { name } = pg.getMaterializedViewConfig(value);
      throw refuse(name, "SQLite has no materialized views", "pgView()");
    }
    if (pg.isPgSequence(value)) {
      throw refuse(value.seqName!, "SQLite has no sequences", "a table with a serial() key");
    }
    if (is(value, pg.PgPolicy)) {
      throw refuse(value.name, "SQLite has no row security", "conditions in the program's queries");
    }
    if (!is(value, pg.PgView)) return [];
    const { name, query, isExisting } = pg.getViewConfig(value);
    if (isExisting || query === undefined) return [];
    return [[key, lite.sqliteView(name, {}).as(sql.raw(queryText(name, query, casing)))] as const];
  });
  return Object.fromEntries(made) as unknown as Readonly<Record<string, lite.SQLiteView>>;
}

function queryText(name: string, query: SQL, casing: Casing | undefined): string {
  const own: string[] = [];
  const nameOf = (column: Column) => casedName(column, casing);
  const dialect = new pg.PgDialect(casing === undefined ? {} : { casing });
  const print = (part: SQL) => dialect.sqlToQuery(part.inlineParams()).sql;
  // What is written for SQLite stays as it is, and the rest is put in SQLite's words around it.
  const text = print(replaced(query) as SQL);
  const place = { thing: name, what: "the view", nameOf };
  return own.reduce(
    (whole, part, at) => whole.replaceAll(`"harbor_own_${at}"`, () => part),
    sqliteQuery(text, place),
  );

  function replaced(chunk: unknown): unknown {
    if (Array.isArray(chunk)) return chunk.map(replaced);
    if (!is(chunk, SQL)) return chunk;
    const variant = sqliteVariant(chunk);
    if (variant === undefined) return new SQL(chunk.queryChunks.map(replaced) as never);
    own.push(print(variant));
    return sql.identifier(`harbor_own_${own.length - 1}`);
  }
}
