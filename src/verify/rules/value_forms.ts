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

/** Most functions of SQLite see nothing of a text behind a zero byte, which the application reads. */
const hasZero = (value: SQL) => sql`instr(${value}, char(0)) > 0`;

/**
 * The forms by the column's type, one row for each type that a schema can have; `null` where the engine keeps every
 * value in form by itself. SQLite keeps in a column whatever is put there. PostgreSQL keeps only what fits, but for
 * times that Python has no room for.
 */
const forms: Readonly<Record<Dialect, readonly (readonly [type: RegExp, form: ValueForm | null])[]>> = {
  sqlite: [
    [/^DATETIME$/, {
      words: "no date and time of the form YYYY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS.ffffff",
      // Read without its fraction and written again it is the same, or it was another form or no day of the calendar.
      // Numbers are less than any text and bytes are not; without the sign the year would be compared as a number with these
      // columns, which is less than any text, too. A pattern of the whole takes half as long as one of its end cut out.
      isWrong: (value) =>
        sql`+${value} < '0001' OR ${value} >= x'' OR ${
          hasZero(value)
        } OR datetime(substr(${value}, 1, 19), '+0 days') IS NOT substr(${value}, 1, 19) OR NOT (${value} GLOB ${
          sql.raw(`'${"?".repeat(19)}.${"[0-9]".repeat(6)}'`)
        } OR length(${value}) = 19)`,
    }],
    [/^DATE$/, {
      words: "no date of the form YYYY-MM-DD",
      isWrong: (value) =>
        sql`typeof(${value}) <> 'text' OR date(${value}, '+0 days') IS NOT ${value} OR +${value} < '0001'`,
    }],
    [/^TIME$/, {
      words: "no time of the form HH:MM:SS or HH:MM:SS.ffffff",
      isWrong: (value) =>
        sql`typeof(${value}) <> 'text' OR ${
          hasZero(value)
        } OR time(substr(${value}, 1, 8), '+0 days') IS NOT substr(${value}, 1, 8) OR NOT (length(${value}) = 8 OR (length(${value}) = 15 AND substr(${value}, 9) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'))`,
    }],
    [/^BOOLEAN$/, {
      words: "neither 0 nor 1",
      isWrong: (value) => sql`typeof(${value}) <> 'integer' OR ${value} NOT IN (0, 1)`,
    }],
    [/^(BIG|SMALL)?INT(EGER)?$/, {
      words: "no whole number",
      isWrong: (value) => sql`typeof(${value}) <> 'integer'`,
    }],
    [/^(REAL|DOUBLE|NUMERIC)/, {
      words: "no number",
      isWrong: (value) => sql`typeof(${value}) NOT IN ('integer', 'real')`,
    }],
    [/^(TEXT|(VAR)?CHAR)/, {
      words: "no text",
      // Numbers are less than any text and bytes are not: comparing takes half as long as typeof().
      isWrong: (value) => sql`${value} < '' OR ${value} >= x''`,
    }],
    [/^UUID$/, {
      words: "no UUID",
      isWrong: (value) =>
        sql`typeof(${value}) <> 'text' OR ${hasZero(value)} OR ${value} NOT GLOB ${
          sql.raw(`'${uuidPattern}'`)
        }`,
    }],
    [/^JSON$/, {
      words: "no JSON",
      isWrong: (value) => sql`typeof(${value}) = 'blob' OR ${hasZero(value)} OR NOT json_valid(${value})`,
    }],
    [/^BLOB$/, { words: "no bytes", isWrong: (value) => sql`typeof(${value}) <> 'blob'` }],
  ],
  postgresql: [
    [/^timestamp[^[]*$/, {
      words: "a date and time that the application cannot read: infinite, or outside the years 1 to 9999",
      isWrong: (value) =>
        sql`${value} < timestamp '0001-01-01 00:00:00' OR ${value} >= timestamp '10000-01-01 00:00:00'`,
    }],
    [/^date$/, {
      words: "a date that the application cannot read: infinite, or outside the years 1 to 9999",
      isWrong: (value) => sql`${value} < date '0001-01-01' OR ${value} >= date '10000-01-01'`,
    }],
    [/^time\b[^[]*$/, {
      words: "the time 24:00:00, which the application cannot read",
      isWrong: (value) => sql`${value} = time '24:00:00'`,
    }],
    [/^(smallint|integer|bigint|boolean|text|real|double precision|json|jsonb|uuid|bytea)$/, null],
    [/^(character|character varying|numeric)(\(|$)/, null],
  ],
};

const uuidPattern = [8, 4, 4, 4, 12].map((digits) => "[0-9a-fA-F]".repeat(digits)).join("-");

/**
 * Returns the form of a column's values; `null` when the engine keeps it by itself, `undefined` for a type that no
 * schema has. NULL is never wrong in form.
 */
export function formOf(dialect: Dialect, column: Column): ValueForm | null | undefined {
  // An enum type takes its own values only.
  if (column.values !== undefined) return null;
  return forms[dialect].find(([type]) => type.test(column.type))?.[1];
}

const textTypes: Readonly<Record<Dialect, RegExp | null>> = {
  sqlite: /^(TEXT|(VAR)?CHAR|JSON)/,
  postgresql: null,
};

/** Returns the columns whose texts may be any bytes: SQLite takes for a text whatever it is given. */
export function looseTexts(dialect: Dialect, columns: readonly Column[]): readonly string[] {
  return columns.filter(({ type }) => textTypes[dialect]?.test(type)).map(({ name }) => name);
}
