import type { Dialect } from "../base/dialect.ts";

/**
 * Says whether `ALTER TABLE … ADD COLUMN … DEFAULT value` gives all rows the value without touching them.
 *
 * SQLite takes literals only. PostgreSQL (11 and later) takes what has the same value for all rows of one statement.
 * Sources: https://www.sqlite.org/lang_altertable.html#alter_table_add_column,
 * https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
 */
export function isFast(value: string, dialect: Dialect): boolean {
  const isLiteral = /^(?:[+-]?\d+(?:\.\d+)?|'(?:[^']|'')*'|true|false|null)$/i.test(value.trim());
  if (isLiteral || dialect === "sqlite") return isLiteral;
  return /^(?:now\(\)|current_timestamp|current_date|localtimestamp|'(?:[^']|'')*'::[\w ]+(?:\(\d+\))?(?:\[\])?)$/i
    .test(value.trim());
}
