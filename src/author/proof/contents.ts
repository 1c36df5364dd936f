import { isGenerated } from "../../schema/generated.ts";
import { counted } from "../../base/quantity.ts";
import { sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { markedTable } from "../../sql/own/schema.ts";
import { quoteName } from "../../sql/quote.ts";
import type { ColumnOrigin, Origins, TableOrigin } from "../../migrate/rules/origins.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";

/** A row, its values as text by their columns. */
export type Row = Readonly<Record<string, string>>;

/** How a row has NULL. */
export const nullText = "null";

/** The rows of tables, by their names. */
export type Contents = ReadonlyMap<string, readonly Row[]>;

/** Reads all rows of the tables of a schema. */
export async function readContents(database: Database, { tables }: Snapshot): Promise<Contents> {
  const contents = new Map<string, readonly Row[]>();
  for (const { name, columns } of tables) {
    const list = columns.map((column) => quoteName(column.name)).join(", ");
    const rows = await database.read<Readonly<Record<string, unknown>>>(
      sql.raw(`SELECT ${list} FROM ${markedTable(name)}`),
    );
    contents.set(
      name,
      rows.map((row) =>
        Object.fromEntries(columns.map((column) => [
          column.name,
          textOf(row[column.name]),
        ]))
      ),
    );
  }
  return contents;
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    return `X'${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}'`;
  }
  return typeof value === "bigint" ? String(value) : JSON.stringify(value ?? null);
}

/** A schema and what is in it. */
export interface Filled {
  readonly schema: Snapshot;
  readonly contents: Contents;
}

/**
 * Returns in what the contents of a database differ from what they were, in what no statement says that it changes: rows
 * that are gone, and other values in columns that both schemas have alike.
 *
 * @param origins Where what is there now comes from
 */
export function lossesBetween(was: Filled, now: Filled, origins: Origins): readonly string[] {
  return now.schema.tables.flatMap((table) => {
    const origin = origins.get(table.name);
    const before = was.contents.get(origin?.table ?? "");
    if (origin === undefined || before === undefined || origin.hasFewer) return [];
    const rows = now.contents.get(table.name)!;
    if (rows.length < before.length) {
      return [`${table.name} has ${counted(rows.length, "row")} instead of ${before.length}`];
    }
    const old = was.schema.tables.find(({ name }) => name === origin.table)!;
    return lossesOf(untouched(old, table, origin), { table, old, before, rows });
  });
}

/** A column under both of its names. */
interface Pair {
  readonly now: string;
  readonly was: string;
}

/** Returns the columns of which nothing says that their values change. */
function untouched(old: Table, table: Table, { columns }: TableOrigin): readonly Pair[] {
  return table.columns.flatMap((column) => {
    const origin: ColumnOrigin | undefined = columns.get(column.name);
    const before = old.columns.find(({ name }) => name === origin?.column);
    if (origin === undefined || before === undefined || before.type !== column.type) return [];
    // What begins to be made of others is worked out anew; what ceases to be is again what it was before.
    if ((isGenerated(before) || isGenerated(column)) && before.default !== column.default) return [];
    // What a copy works out is meant where the column changes with it.
    const isKept = origin.values === "same" ||
      (origin.values === "copied anew" && before.notNull === column.notNull);
    return isKept ? [{ now: column.name, was: before.name }] : [];
  });
}

function lossesOf(
  columns: readonly Pair[],
  { table, old, before, rows }: {
    readonly table: Table;
    readonly old: Table;
    readonly before: readonly Row[];
    readonly rows: readonly Row[];
  },
): readonly string[] {
  const key = old.primaryKey.flatMap((name) => columns.filter(({ was }) => was === name));
  if (key.length === 0 || key.length < old.primaryKey.length) {
    const left = rows.map((row) => columns.map(({ now }) => row[now]).join("\n"));
    const isGone = before.some((row) => {
      const at = left.indexOf(columns.map(({ was }) => row[was]).join("\n"));
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    return isGone ? [`${table.name} has other values in ${columns.map(({ now }) => now).join(", ")}`] : [];
  }
  const keyed = new Map(rows.map((row) => [key.map(({ now }) => row[now]).join("\n"), row]));
  return before.flatMap((row) => {
    const found = keyed.get(key.map(({ was }) => row[was]).join("\n"));
    const named = key.map(({ was }) => `${was} ${row[was]}`).join(", ");
    if (found === undefined) return [`${table.name} has no row with ${named} any more`];
    return columns.filter(({ was, now }) => row[was] !== found[now]).map(({ was, now }) =>
      `${table.name}.${now} has ${short(found[now]!)} instead of ${short(row[was]!)} where ${named}`
    );
  });
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
