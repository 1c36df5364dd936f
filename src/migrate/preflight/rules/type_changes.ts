import { isGenerated } from "../../../schema/generated.ts";
import { sharedTables } from "../../../schema/compare/shared_tables.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { Obstacle } from "./obstacle.ts";
import { follow, type Origins, type Passage, startOf } from "../../rules/origins.ts";
import { takenAway } from "../../rules/taken_away.ts";
import type { HoldingObject } from "../../../engines/held.ts";
import type { Column, Snapshot, Table } from "../../../schema/snapshot.ts";
import { columnsIn } from "../../../sql/expression_columns.ts";
import { quoteName } from "../../../sql/quote.ts";
import { quoteTable } from "../../../sql/table_names.ts";

/** What PostgreSQL can turn into what without changing a value; lengths and ranges are looked at in the rows. */
const conversions: Readonly<Record<Dialect, readonly (readonly [from: RegExp, to: RegExp])[]>> = {
  // Types are hints there. Each copy is compared with its original.
  sqlite: [[/^/, /^/]],
  postgresql: [
    [/^(?:text|character|json|jsonb|uuid)\b/, /^(?:text|character)\b/],
    [/^(?:smallint|bigint)$/, /^integer$/],
    [/^(?:date|timestamp(?:\(\d\))? without time zone)$/, /^timestamp without time zone$/],
  ],
};

/** A live column, its table, and what the column is to become. */
export interface ChangedColumn {
  readonly found: Table;
  readonly column: Column;
  readonly to: Column;
}

/** Returns what keeps a column from taking another type with its values unchanged. */
export function changedType({ found, column, to }: ChangedColumn, live: Snapshot): readonly Obstacle[] {
  if (column.type === to.type) return [];
  const name = `${found.name}.${column.name}`;
  const canConvert = conversions[live.dialect].some(([from, into]) =>
    from.test(column.type) && into.test(to.type)
  );
  if (!canConvert) {
    return [{
      path: `column ${name}`,
      state: `the column ${name} is ${column.type}, and its values cannot become ${to.type} unchanged`,
      remedy: remedyFor(quoteTable(found.name, live.schemas), column, to),
    }];
  }
  const made = found.columns.find((each) =>
    isGenerated(each) && columnsIn(each.default!, [column], live.dialect).length > 0
  );
  if (made !== undefined) {
    return [{
      path: `column ${found.name}.${made.name}`,
      state:
        `the column ${found.name}.${made.name} is made of ${column.name}, whose type has to become ${to.type}`,
      remedy: `Drop the column ${made.name} and make it again afterwards: ${made.default}`,
    }];
  }
  return heldColumn(name, becomes(to.type), live);
}

function remedyFor(table: string, column: Column, to: Column): string {
  const own = quoteName(column.name);
  return column.type.includes("with time zone")
    ? `Say which zone its times are to be read in: ALTER TABLE ${table} ALTER COLUMN ${own} TYPE ${to.type} USING ${own} AT TIME ZONE 'UTC'`
    : `Change its type to ${to.type} by hand, as what is in it demands, then run this again.`;
}

/**
 * Returns what holds columns fast whose types are to change on a passage, or that go there.
 *
 * @param origins What the live schema calls the columns of the one before
 */
export function heldColumns(passage: Passage, origins: Origins, live: Snapshot): readonly Obstacle[] {
  const changed = changedTypes(passage).map(({ table, column, type }) => ({
    table,
    column,
    why: becomes(type),
    whole: false,
  }));
  return [...changed, ...goneColumns(passage)].flatMap(({ table, column, why, whole }) => {
    const found = origins.get(table);
    const name = found?.columns.get(column)?.column ?? null;
    if (found === undefined || found.table === null || name === null) return [];
    // What hangs on a table that goes as a whole goes with it.
    const others = whole ? live.others.filter((other) => other.table !== found.table) : live.others;
    return heldColumn(`${found.table}.${name}`, why, { others });
  });
}

/** Returns the columns that go. With CASCADE a script takes along what uses them. */
export function goneColumns(passage: Passage) {
  const { before, statements } = passage;
  if (statements.some((text) => /\bcascade\b/i.test(text))) return [];
  return takenAway(before, follow(startOf(before), passage)).flatMap(({ table, columns }) => {
    const whole = columns.length === 0;
    const names = whole
      ? before.tables.find(({ name }) => name === table)!.columns.map(({ name }) => name)
      : columns;
    return names.map((column) => ({ table, column, why: "which goes", whole }));
  });
}

const becomes = (type: string) => `whose type has to become ${type}`;

/** Returns the columns that both schemas have, with another type. */
export function changedTypes(
  { before, after }: Pick<Passage, "before" | "after">,
): readonly { readonly table: string; readonly column: string; readonly type: string }[] {
  return sharedTables({ live: before, target: after }).flatMap(([table, wanted]) =>
    table.columns.flatMap((column) => {
      const to = wanted.columns.find(({ name }) => name === column.name);
      const isSame = to === undefined || to.type === column.type;
      return isSame ? [] : [{ table: table.name, column: column.name, type: to.type }];
    })
  );
}

function heldColumn(name: string, why: string, { others }: Pick<Snapshot, "others">): readonly Obstacle[] {
  return others.filter((other) => other.holds?.includes(name)).map((other) => ({
    path: `${other.kind} ${other.name}`,
    state: `the ${other.kind} ${other.name} uses ${name}, ${why}`,
    remedy: remedyForHolder(other),
  }));
}

/** What to do about what holds something fast. */
export function remedyForHolder({ kind, name, sql }: HoldingObject): string {
  return `Drop the ${kind} ${name} and make it again afterwards; its definition: ${oneLine(sql)}`;
}

function oneLine(text: string | null): string {
  return (text ?? "").replaceAll(/\s+/g, " ").trim();
}
