import { is } from "drizzle-orm/entity";
import { getTableConfig, PgArray, PgTable } from "drizzle-orm/pg-core";
import { SQL } from "drizzle-orm/sql/sql";
import { getTableColumns } from "drizzle-orm/utils";
import { type KitColumn, type KitSnapshot, mapValues } from "../kit_snapshot.ts";
import { hex } from "./default.ts";
import { quoteText } from "../../sql/quote.ts";

/**
 * Mends the defaults that drizzle-kit writes wrong for PostgreSQL: json with a quote in it, which it does not double,
 * json that is a string, numbers too large for JSON, and bytes.
 */
export function withWholeDefaults(
  snapshot: KitSnapshot,
  tables: Readonly<Record<string, unknown>>,
): KitSnapshot {
  const mended = new Map<string, readonly (string | undefined)[]>();
  for (const table of Object.values(tables)) {
    if (!is(table, PgTable)) continue;
    const { name, schema = "public" } = getTableConfig(table);
    mended.set(`${schema}.${name}`, Object.values(getTableColumns(table)).map(wholeDefault));
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

/** Returns a default as SQL where drizzle-kit writes it wrong. */
function wholeDefault(
  column: { readonly default: unknown; getSQLType(): string },
): string | undefined {
  const value = column.default;
  if (value === undefined || value === null || is(value, SQL)) return undefined;
  if (typeof value === "bigint") return String(value);
  if (is(column, PgArray) && Array.isArray(value)) return wholeArray(value);
  if (value instanceof Uint8Array) return quoteText(`\\x${hex(value)}`);
  const type = column.getSQLType();
  if (type === "point") return quoteText(pointText(value));
  return type === "json" || type === "jsonb" ? `${quoteText(JSON.stringify(value))}::${type}` : undefined;
}

/** A point is a pair or has fields, as its column's mode says. */
function pointText(value: unknown): string {
  const { x, y } = value as { readonly x: number; readonly y: number };
  return `(${Array.isArray(value) ? value.join(",") : `${x},${y}`})`;
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
