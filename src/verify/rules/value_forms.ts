import type { Dialect } from "../../base/dialect.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Profile, ValueForm } from "../../profile/profile.ts";
import type { Column } from "../../schema/snapshot.ts";

/** A form of SQLite's values, which keeps in a column whatever is put there. */
export interface SqliteForm extends ValueForm {
  /**
   * Is true for a value that some program may read as what it should be, in another form. A column that is in such a form throughout is its
   * application's own affair; left out where there is no other.
   */
  readonly isOther?: (column: SQL) => SQL;
}

/** Most functions of SQLite see nothing of a text behind a zero byte, which the application reads. */
const hasZero = (value: SQL) => sql`instr(${value}, char(0)) > 0`;

const isText = (value: SQL) => sql`typeof(${value}) = 'text'`;
const isNoNumber = (value: SQL) => sql`typeof(${value}) NOT IN ('integer', 'real')`;

/** Is true for a number, and for a text that SQLite takes for a time on a day of the calendar. */
const isTime = (value: SQL) =>
  sql`typeof(${value}) IN ('integer', 'real') OR (typeof(${value}) = 'text' AND datetime(${value}) IS NOT NULL AND date(substr(${value}, 1, 10), '+0 days') IS substr(${value}, 1, 10))`;

const isTimeOfDay = (value: SQL) =>
  sql`typeof(${value}) IN ('integer', 'real') OR (typeof(${value}) = 'text' AND time(${value}) IS NOT NULL)`;

/**
 * The forms by the column's type, one row for each type that `sqliteTables` declares and those of Drizzle's own. The first is the one in which
 * harbor-db's twins and SQLAlchemy write.
 */
const forms: readonly (readonly [type: RegExp, form: SqliteForm])[] = [
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
    isOther: isTime,
  }],
  [/^DATE$/, {
    words: "no date of the form YYYY-MM-DD",
    isWrong: (value) =>
      sql`typeof(${value}) <> 'text' OR date(${value}, '+0 days') IS NOT ${value} OR +${value} < '0001'`,
    isOther: isTime,
  }],
  [/^TIME$/, {
    words: "no time of the form HH:MM:SS or HH:MM:SS.ffffff",
    isWrong: (value) =>
      sql`typeof(${value}) <> 'text' OR ${
        hasZero(value)
      } OR time(substr(${value}, 1, 8), '+0 days') IS NOT substr(${value}, 1, 8) OR NOT (length(${value}) = 8 OR (length(${value}) = 15 AND substr(${value}, 9) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]'))`,
    isOther: isTimeOfDay,
  }],
  [/^BOOLEAN$/, {
    words: "neither 0 nor 1",
    isWrong: (value) => sql`typeof(${value}) <> 'integer' OR ${value} NOT IN (0, 1)`,
    isOther: (value) => sql`lower(${value}) IN ('true', 'false')`,
  }],
  [/^(BIG|SMALL)?INT(EGER)?$/, {
    words: "no whole number",
    isWrong: (value) => sql`typeof(${value}) <> 'integer'`,
  }],
  [/^(REAL|DOUBLE)/, { words: "no number", isWrong: isNoNumber }],
  // Drizzle's own numeric() is a text to its programs, and what it takes a TIMESTAMP for.
  [/^NUMERIC/, { words: "no number", isWrong: isNoNumber, isOther: isText }],
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
    isOther: (value) =>
      sql`(typeof(${value}) = 'blob' AND length(${value}) = 16) OR ${value} GLOB ${
        sql.raw(`'${hexDigits(32)}'`)
      }`,
  }],
  [/^JSON$/, {
    words: "no JSON",
    isWrong: (value) => sql`typeof(${value}) = 'blob' OR ${hasZero(value)} OR NOT json_valid(${value})`,
    isOther: (value) => sql`typeof(${value}) = 'blob'`,
  }],
  [/^BLOB$/, { words: "no bytes", isWrong: (value) => sql`typeof(${value}) <> 'blob'`, isOther: isText }],
];

const hexDigits = (count: number) => "[0-9a-fA-F]".repeat(count);
const uuidPattern = [8, 4, 4, 4, 12].map(hexDigits).join("-");

/** What can be wrong with a column's values. */
export interface WrongForm extends ValueForm {
  /** Is true for a value in the right form, without which these are right, too; left out where they are always wrong. */
  readonly isRight?: (column: SQL) => SQL;
}

/** Where the engine keeps the form by itself: an enum type takes its own values only, and any other of PostgreSQL's what fits. */
const formsOf: Readonly<Record<Dialect, (column: Column) => SqliteForm | null | undefined>> = {
  sqlite: ({ type }) => ofType(forms, type),
  postgresql: () => null,
};

/** What an application reads besides. */
const formsBeside: Readonly<Record<Dialect, (profile: Profile | null) => Profile["postgresForms"]>> = {
  sqlite: () => [],
  postgresql: (profile) => profile?.postgresForms ?? [],
};

/**
 * Returns the form of a column's values; `null` where the engine keeps it by itself, `undefined` for a type that is not known.
 */
export function formOf(dialect: Dialect, column: Column): SqliteForm | null | undefined {
  return formsOf[dialect](column);
}

function ofType<Form>(
  list: readonly (readonly [type: RegExp, form: Form])[],
  wanted: string,
): Form | undefined {
  return list.find(([type]) => type.test(wanted))?.[1];
}

/**
 * Returns what can be wrong with the form of a column's values; nothing for a type that is not known. NULL is never wrong in form, and no default
 * that the schema says.
 */
export function wrongForms(dialect: Dialect, column: Column, profile: Profile | null): readonly WrongForm[] {
  const form = ofType(formsBeside[dialect](profile), column.type) ?? formOf(dialect, column);
  if (form === undefined || form === null) return [];
  if (profile?.readsOneForm === true) return [form];
  const { words, isOther }: SqliteForm = form;
  const given = column.default;
  const isWrong = (value: SQL) =>
    isTextLiteral(given)
      ? sql`(${form.isWrong(value)}) AND ${value} IS NOT ${sql.raw(given)}`
      : form.isWrong(value);
  if (isOther === undefined) return [{ words, isWrong }];
  return [
    { words, isWrong: (value) => sql`(${isWrong(value)}) AND NOT coalesce(${isOther(value)}, 0)` },
    {
      words: `${words}, unlike other rows`,
      isWrong: (value) => sql`(${isWrong(value)}) AND (${isOther(value)})`,
      isRight: (value) => sql`NOT (${form.isWrong(value)})`,
    },
  ];
}

function isTextLiteral(expression: string | null): expression is string {
  return expression !== null && /^'(?:[^']|'')*'$/.test(expression);
}

/** Where there are no texts, or a form that holds what is one. */
const otherTypes: Readonly<Record<Dialect, RegExp>> = {
  sqlite: /^(?:DATE|DATETIME|TIME|BOOLEAN|(BIG|SMALL)?INT(EGER)?|REAL.*|DOUBLE.*|UUID|.*BLOB.*)$/,
  postgresql: /^(?!text|character|json$|citext)/,
};

/** Returns the columns whose texts may be any bytes, where a database takes for a text whatever it is given. */
export function looseTexts(dialect: Dialect, columns: readonly Column[]): readonly string[] {
  return columns.filter(({ type }) => !otherTypes[dialect].test(type)).map(({ name }) => name);
}
