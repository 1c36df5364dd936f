import type { Dialect } from "../base/dialect.ts";

const literal = /^(?:[+-]?\d+(?:\.\d+)?|'(?:[^']|'')*'|x'[0-9a-f]*'|true|false|null)$/i;

/** What else is worked out once for a whole statement. */
const constants: Readonly<Record<Dialect, readonly RegExp[]>> = {
  sqlite: [],
  postgresql: [
    /^(?:now\(\)|current_timestamp|current_date|localtimestamp)$/i,
    /^'(?:[^']|'')*'::[\w ]+(?:\(\d+\))?(?:\[\])?$/i,
  ],
};

/**
 * Says whether `ALTER TABLE … ADD COLUMN … DEFAULT value` gives all rows the value without touching them.
 *
 * SQLite takes literals only. PostgreSQL (11 and later) takes what has the same value for all rows of one statement.
 * Sources: https://www.sqlite.org/lang_altertable.html#alter_table_add_column,
 * https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
 */
export function isConstant(value: string, dialect: Dialect): boolean {
  return [literal, ...constants[dialect]].some((pattern) => pattern.test(value.trim()));
}
