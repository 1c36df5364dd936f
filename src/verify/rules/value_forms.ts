import type { Dialect } from "../../base/dialect.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Column } from "../../schema/snapshot.ts";

/** How the application reads a column's values. */
export interface ValueForm {
  /** In words, for messages: `a date and time as the application writes it`. */
  readonly words: string;
  /** Is true for a value that the application cannot read as what it should be. */
  readonly isWrong: (column: SQL) => SQL;
}

/**
 * The forms by the column's type. SQLite keeps in a column whatever is put there; PostgreSQL keeps only what fits, but
 * for times that Python's `datetime` has no room for.
 */
const forms: Readonly<Record<Dialect, readonly (readonly [type: RegExp, form: ValueForm])[]>> = {
  sqlite: [
    [/^DATETIME$/, {
      words: "no date and time of the form YYYY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS.ffffff",
      // Read without its fraction and written again it is the same, or it was another form or no day of the calendar.
      isWrong: (value) =>
        sql`typeof(${value}) <> 'text' OR datetime(substr(${value}, 1, 19), '+0 days') IS NOT substr(${value}, 1, 19) OR ${value} < '0001' OR NOT (length(${value}) = 19 OR (length(${value}) = 26 AND substr(${value}, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'))`,
    }],
    [/^BOOLEAN$/, {
      words: "neither 0 nor 1",
      isWrong: (value) => sql`typeof(${value}) <> 'integer' OR ${value} NOT IN (0, 1)`,
    }],
    [/^(BIG|SMALL)?INT(EGER)?$/, {
      words: "no whole number",
      isWrong: (value) => sql`typeof(${value}) <> 'integer'`,
    }],
    [/^(TEXT|VARCHAR)/, { words: "no text", isWrong: (value) => sql`typeof(${value}) <> 'text'` }],
  ],
  postgresql: [
    [/^timestamp/, {
      words: "a date and time that the application cannot read: infinite, or outside the years 1 to 9999",
      isWrong: (value) =>
        sql`${value} < timestamp '0001-01-01 00:00:00' OR ${value} >= timestamp '10000-01-01 00:00:00'`,
    }],
  ],
};

/** Returns the form of a column's values; `undefined` when the engine keeps it by itself. NULL is never wrong in form. */
export function formOf(dialect: Dialect, column: Column): ValueForm | undefined {
  return forms[dialect].find(([type]) => type.test(column.type))?.[1];
}
