import { isGenerated } from "../../../schema/generated.ts";
import { sharedTables } from "../../../schema/compare/shared_tables.ts";
import type { Dialect } from "../../../base/dialect.ts";
import type { Obstacle } from "./obstacle.ts";
import type { Origins, Passage } from "../../rules/origins.ts";
import type { Column, Snapshot, Table } from "../../../schema/snapshot.ts";
import { columnsIn } from "../../../sql/expression_columns.ts";

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
      remedy: remedyFor(name, column, to),
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
  return heldColumn(name, to.type, live);
}

function remedyFor(name: string, column: Column, to: Column): string {
  const [table, own] = name.split(".");
  return column.type.includes("with time zone")
    ? `Say which zone its times are to be read in: ALTER TABLE ${table} ALTER COLUMN ${own} TYPE ${to.type} USING ${own} AT TIME ZONE 'UTC'`
    : `Change its type to ${to.type} by hand, as what is in it demands, then run this again.`;
}

/**
 * Returns what holds columns fast whose types are to change from one schema to another.
 *
 * @param origins What the live schema calls the columns of the one before
 */
export function heldTypes(
  { before, after }: Pick<Passage, "before" | "after">,
  origins: Origins,
  live: Snapshot,
): readonly Obstacle[] {
  return changedTypes({ before, after }).flatMap(({ table, column, type }) => {
    const found = origins.get(table);
    const name = found?.columns.get(column)?.column ?? null;
    return found === undefined || found.table === null || name === null
      ? []
      : heldColumn(`${found.table}.${name}`, type, live);
  });
}

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

function heldColumn(name: string, type: string, { others }: Snapshot): readonly Obstacle[] {
  return others.filter((other) => other.holds?.includes(name)).map((other) => ({
    path: `${other.kind} ${other.name}`,
    state: `the ${other.kind} ${other.name} uses ${name}, whose type has to become ${type}`,
    remedy: `Drop the ${other.kind} ${other.name} and make it again afterwards; its definition: ${
      oneLine(other.sql)
    }`,
  }));
}

function oneLine(text: string | null): string {
  return (text ?? "").replaceAll(/\s+/g, " ").trim();
}
