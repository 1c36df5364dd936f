import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";

type Columns = Readonly<Record<string, pg.PgColumnBuilderBase>>;

/** Something that a table has beside its columns, named after the table and one column. */
export type Extra = (
  table: string,
  columns: Readonly<Record<string, pg.ExtraConfigColumn>>,
) => pg.PgTableExtraConfigValue;

/** A table with an `id` of its own, so that a row of a test says the rest on one line. */
export function table(name: string, columns: Columns, ...extras: readonly Extra[]): pg.PgTable {
  return pg.pgTable(
    name,
    { id: pg.serial().primaryKey(), ...columns },
    (own) =>
      extras.map((extra) => extra(name, own as unknown as Readonly<Record<string, pg.ExtraConfigColumn>>)),
  );
}

export function index(column: string): Extra {
  return (table, own) => pg.index(`ix_${table}_${column}`).on(own[column]!);
}

export function uniqueIndex(column: string): Extra {
  return (table, own) => pg.uniqueIndex(`ix_${table}_${column}`).on(own[column]!);
}

/** Refers to the `id` of `target`: the foreign key `<table>_<column>_fkey`. */
export function references(column: string, target: pg.PgTable): Extra {
  const { id } = target as unknown as { readonly id: pg.PgColumn };
  return (table, own) =>
    pg.foreignKey({
      name: `${table}_${column}_fkey`,
      columns: [own[column]!] as never,
      foreignColumns: [id] as never,
    });
}

/** Allows these values only: the check `<table>_<column>_check`. */
export function oneOf(column: string, ...values: readonly string[]): Extra {
  const list = values.map((value) => `'${value.replaceAll("'", "''")}'`).join(", ");
  return (table) => pg.check(`${table}_${column}_check`, sql.raw(`"${column}" IN (${list})`));
}
