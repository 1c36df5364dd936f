import type { PgColumn } from "drizzle-orm/pg-core";
import { is } from "drizzle-orm/entity";
import { SQL, sql } from "drizzle-orm/sql/sql";
import { type ExpressionPlace, sqliteExpression } from "./expression.ts";
import { momentText } from "./values.ts";
import { quoteText } from "../../sql/quote.ts";

/** The time that it is, in the form of each type of time. */
const present: Readonly<Record<string, string>> = { DATE: "CURRENT_DATE", TIME: "CURRENT_TIME" };

/**
 * Returns the default of a column of PostgreSQL's as SQLite has to be told it; `undefined` without one.
 *
 * @throws {HarborError} `bad_schema` when it is an expression that SQLite does not have
 */
export function sqliteDefault(
  column: Pick<PgColumn, "default">,
  type: string,
  place: ExpressionPlace,
): unknown {
  const value = column.default as unknown;
  if (!is(value, SQL)) return sqliteLiteral(value, type);
  const text = sqliteExpression(value, place).trim();
  if (/^(?:[+-]?\d+(?:\.\d+)?|'(?:[^']|'')*'|null)$/i.test(text)) return sql.raw(text);
  if (/^(?:true|false)$/i.test(text)) return sql.raw(text.toLowerCase() === "true" ? "1" : "0");
  // SQLite takes an expression as a default in parentheses only.
  return sql.raw(`(${text === "CURRENT_TIMESTAMP" ? present[type] ?? text : text})`);
}

function sqliteLiteral(value: unknown, type: string): unknown {
  if (value === undefined) return undefined;
  if (type === "JSON") return sql.raw(quoteText(JSON.stringify(value)));
  switch (typeof value) {
    case "boolean":
      return Number(value);
    case "bigint":
      return sql.raw(String(value));
    case "object":
      if (value instanceof Date) {
        return type === "DATE" ? value.toISOString().slice(0, 10) : momentText(value);
      }
      if (value instanceof Uint8Array) return sql.raw(`x'${hex(value)}'`);
      return sql.raw(quoteText(JSON.stringify(value)));
    default:
      return value;
  }
}

/** Returns bytes as the digits of a literal. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
