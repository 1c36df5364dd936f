import { is } from "drizzle-orm/entity";
import { getTableConfig, PgArray, PgTable } from "drizzle-orm/pg-core";
import { SQL } from "drizzle-orm/sql/sql";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { getTableName } from "drizzle-orm/table";
import { getTableColumns } from "drizzle-orm/utils";
import type { KitColumn, KitSnapshot } from "../kit_snapshot.ts";
import { mapValues } from "../../base/records.ts";
import { hex } from "./default.ts";
import { quoteText } from "../../sql/quote.ts";

/**
 * Mends the defaults that drizzle-kit writes wrong: json with a quote in it, which it does not double, json that is a string,
 * numbers too large for JSON, bytes, points and lines, and on SQLite dates.
 */
export function withWholeDefaults(
  snapshot: KitSnapshot,
  tables: Readonly<Record<string, unknown>>,
): KitSnapshot {
  const mended = new Map<string, readonly (string | undefined)[]>();
  for (const table of Object.values(tables)) {
    if (is(table, PgTable)) {
      const { name, schema = "public" } = getTableConfig(table);
      mended.set(`${schema}.${name}`, Object.values(getTableColumns(table)).map(wholeDefault));
    } else if (is(table, SQLiteTable)) {
      mended.set(getTableName(table), Object.values(getTableColumns(table)).map(wholeSqliteDefault));
    }
  }
  const changed = mapValues(snapshot.tables, (table, key) => {
    // Both lists are in the order of the table.
    const defaults = mended.get(key) ?? [];
    const columns = Object.values(table.columns).map((column, at): KitColumn =>
      defaults[at] === undefined ? column : { ...column, default: defaults[at] }
    );
    return { ...table, columns: Object.fromEntries(columns.map((column) => [column.name, column])) };
  });
  return { ...snapshot, tables: changed };
}

/** What is asked of a column: its default, and how its values are put into statements. */
interface DefaultColumn {
  readonly default: unknown;
  getSQLType(): string;
  mapToDriverValue(value: unknown): unknown;
}

/** Returns a default as SQL where drizzle-kit writes it wrong: what it is as a parameter, as a literal. */
function wholeSqliteDefault(column: DefaultColumn): string | undefined {
  const value = column.default;
  if (value === null || is(value, SQL) || !/^(?:bigint|object)$/.test(typeof value)) return undefined;
  const given = column.mapToDriverValue(value);
  if (given instanceof Uint8Array) return `x'${hex(given)}'`;
  if (typeof value === "bigint") return String(value);
  if (typeof given === "string") return quoteText(given);
  return typeof given === "object" ? undefined : String(given);
}

/** {@link wholeSqliteDefault} of PostgreSQL. */
function wholeDefault(column: DefaultColumn): string | undefined {
  const value = column.default;
  if (value === undefined || value === null || is(value, SQL)) return undefined;
  if (typeof value === "bigint") return String(value);
  if (is(column, PgArray) && Array.isArray(value)) return wholeArray(value);
  if (value instanceof Uint8Array) return quoteText(`\\x${hex(value)}`);
  const type = column.getSQLType();
  if (type === "json" || type === "jsonb") return `${quoteText(JSON.stringify(value))}::${type}`;
  if (typeof value !== "object" || value instanceof Date) return undefined;
  const given = column.mapToDriverValue(value);
  return typeof given === "string" ? quoteText(given) : undefined;
}

/** Returns an array as drizzle-kit writes it, its texts with what needs a sign before it; nothing for other values. */
function wholeArray(value: readonly unknown[]): string | undefined {
  const write = (item: unknown): string =>
    Array.isArray(item)
      ? `{${item.map(write).join(",")}}`
      : typeof item === "string"
      ? `"${item.replaceAll(/["\\]/g, "\\$&")}"`
      : String(item);
  const isPlain = (item: unknown): boolean =>
    Array.isArray(item) ? item.every(isPlain) : item === null || typeof item !== "object";
  return isPlain(value) ? quoteText(write(value)) : undefined;
}
