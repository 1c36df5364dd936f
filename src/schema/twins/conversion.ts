/** How SQLite gets the values of a column into another type. */
export interface Conversion {
  /**
   * How it works out a value where it copies it, which it does not do by itself, up to what all others become and an `END`; `null`
   * where what is there is right in both.
   */
  readonly worked: string | null;
  /** What is stored in the end, where it is of the new type; `null` where nothing is known. */
  readonly value: string | null;
  /** Holds for values that are none of the new type, nor become one; `null` where all do, or nothing is known. */
  readonly unfit: string | null;
}

const kinds = {
  int: /^(?:small|big)?int(?:eger)?$/,
  bool: /^bool(?:ean)?$/,
  text: /^(?:text|(?:var)?char)/,
  float: /^(?:real|double)/,
  numeric: /^(?:numeric|decimal)/,
  json: /^json$/,
  uuid: /^uuid$/,
  date: /^date$/,
  time: /^time$/,
  datetime: /^datetime$/,
  blob: /^blob$/,
} as const;
type Kind = keyof typeof kinds;

/** Returns what a type of SQLite's is for, as {@link sqliteType} names it; `null` for another one. */
function kindOf(type: string): Kind | null {
  const [kind] = Object.entries(kinds).find(([, pattern]) => pattern.test(type.toLowerCase())) ?? [null];
  return kind as Kind | null;
}

/**
 * Returns how a column of SQLite's gets another type, as PostgreSQL converts it. What is of no form of the first type is not
 * for it to read: numbers and `now` are times to SQLite.
 *
 * @param column The column, quoted
 */
export function sqliteConversion(from: string, to: string, column: string): Conversion {
  const [was, is] = [kindOf(from), kindOf(to)];
  if (was === null || is === null) return { worked: null, value: null, unfit: null };
  if (was === is) return { worked: null, value: column, unfit: null };
  const working = workings[`${was} ${is}`]?.(column) ?? null;
  const worked = working === null ? null : `CASE WHEN ${working.when} THEN ${working.value} ELSE `;
  const turned = worked === null ? column : `${worked}${column} END`;
  const affinity = affinities[is];
  const value = affinity === undefined ? turned : `CAST(${turned} AS ${affinity})`;
  const isTime = (kind: Kind) => /date|time/.test(kind);
  // A number is a number, and all but bytes can be written. What was no time before stays what it is.
  const isSure =
    (numbers.includes(was) && [...numbers, "text", "json"].includes(is) && !broken.has(`${was} ${is}`)) ||
    is === "text" || (worked !== null && isTime(was) && isTime(is)) ||
    (numbers.includes(was) && is === "bool");
  if (isSure) return { worked, value, unfit: null };
  // Of what is no number, none is of the new type already.
  const fits = [
    ...working === null ? [] : [working.when],
    ...working === null || numbers.includes(was) ? [forms[is](column)] : [],
  ].map((each) => `(${each})`);
  return { worked, value, unfit: `${column} IS NOT NULL AND NOT coalesce(${fits.join(" OR ")}, 0)` };
}

/** What SQLite makes of a value that it stores, where that is another one. */
const affinities: Partial<Readonly<Record<Kind, string>>> = {
  int: "INTEGER",
  bool: "NUMERIC",
  numeric: "NUMERIC",
  float: "REAL",
  text: "TEXT",
};

const numbers: readonly string[] = ["int", "bool", "float", "numeric"];
const broken: ReadonlySet<string> = new Set(["float int", "numeric int"]);

/** PostgreSQL's words. Source: https://www.postgresql.org/docs/current/datatype-boolean.html */
const yes = ["'true'", "'t'", "'yes'", "'y'", "'on'", "'1'"];
const no = ["'false'", "'f'", "'no'", "'n'", "'off'", "'0'"];

/** Holds for what is a value of a kind, also by what SQLite itself makes of texts that are numbers. */
const forms: Readonly<Record<Kind, (column: string) => string>> = {
  int: (column) =>
    `${column} = CAST(${column} AS NUMERIC) AND typeof(CAST(${column} AS NUMERIC)) = 'integer'`,
  bool: (column) => `typeof(${column}) = 'integer' AND ${column} IN (0, 1)`,
  text: (column) => `typeof(${column}) <> 'blob'`,
  float: (column) => `${column} = CAST(${column} AS NUMERIC)`,
  numeric: (column) => `${column} = CAST(${column} AS NUMERIC)`,
  json: (column) => `typeof(${column}) <> 'blob' AND json_valid(${column})`,
  uuid: (column) => `typeof(${column}) = 'text' AND length(${column}) = 36 AND ${digitsOfUuid(column)}`,
  // With a modifier a day that no calendar has becomes another one, and is not taken for a date.
  date: (column) => `typeof(${column}) = 'text' AND date(${column}, '+0 days') = ${column}`,
  time: (column) =>
    `typeof(${column}) = 'text' AND time(substr(${column}, 1, 8)) = substr(${column}, 1, 8) AND ${
      fraction(column, 9)
    } AND length(${column}) IN (8, 15)`,
  datetime: (column) => `typeof(${column}) = 'text' AND ${moment(column)} AND length(${column}) IN (19, 26)`,
  blob: (column) => `typeof(${column}) = 'blob'`,
};

/** 32 hexadecimal digits, and hyphens at their places or nowhere. */
function digitsOfUuid(text: string): string {
  const digits = `replace(${text}, '-', '')`;
  const hyphens = [9, 14, 19, 24].map((place) => `substr(${text}, ${place}, 1)`).join(" || ");
  return `length(${digits}) = 32 AND ${digits} NOT GLOB '*[^0-9a-fA-F]*' AND ` +
    `(length(${text}) = 32 OR length(${text}) = 36 AND ${hyphens} = '----')`;
}

/** From a place on, nothing or a point and one to six digits. */
function fraction(text: string, from: number): string {
  return `(length(${text}) = ${from - 1} OR (length(${text}) BETWEEN ${from + 1} AND ${
    from + 6
  } AND substr(${text}, ${from}, 1) = '.' AND substr(${text}, ${from + 1}) NOT GLOB '*[^0-9]*'))`;
}

function moment(text: string): string {
  const whole = `substr(${text}, 1, 19)`;
  return `datetime(${whole}, '+0 days') = ${whole} AND ${fraction(text, 20)}`;
}

type Working = (column: string) => { readonly when: string; readonly value: string };

const truth: Working = (column) => ({
  when: `typeof(${column}) IN ('integer', 'real')`,
  value: `${column} <> 0`,
});
const inRange = (column: string) => `typeof(${column}) = 'real' AND abs(${column}) < 9223372036854775807`;
const day = (column: string) => `date(${column}, '+0 days')`;

/** What PostgreSQL makes of a value, by the kinds of before and after. */
const workings: Readonly<Record<string, Working>> = {
  "date datetime": (column) => ({ when: `${day(column)} = ${column}`, value: `datetime(${column})` }),
  "datetime date": (column) => ({
    when: `${day(column)} = substr(${column}, 1, 10)`,
    value: `date(${column})`,
  }),
  "datetime time": (column) => ({
    when: `${day(column)} = substr(${column}, 1, 10) AND length(${column}) > 10`,
    value: `substr(${column}, 12)`,
  }),
  "time datetime": (column) => ({
    when: `time(${column}) = substr(${column}, 1, 8)`,
    value: `'1970-01-01 ' || ${column}`,
  }),
  "text bool": (column) => {
    const word = `lower(trim(${column}))`;
    return { when: `${word} IN (${[...yes, ...no].join(", ")})`, value: `${word} IN (${yes.join(", ")})` };
  },
  "bool text": (column) => ({ when: `${column} IN (0, 1)`, value: `iif(${column}, 'true', 'false')` }),
  "bool json": (column) => ({ when: `${column} IN (0, 1)`, value: `iif(${column}, 'true', 'false')` }),
  "json bool": (column) => ({
    when: `trim(${column}) IN ('true', 'false')`,
    value: `trim(${column}) = 'true'`,
  }),
  "int bool": truth,
  "float bool": truth,
  "numeric bool": truth,
  // Of two whole numbers as near PostgreSQL takes the even one of a float, and the one farther from 0 of a numeric.
  "float int": (column) =>
    rounded(column, `> 0.5 OR abs(${rest(column)}) = 0.5 AND ${whole(column)} % 2 <> 0`),
  "numeric int": (column) => rounded(column, ">= 0.5"),
  // The form of JSON's times, too. Another zone than UTC would be read by one of PostgreSQL's types and passed over by the other.
  "text datetime": (column) => {
    const seconds = `datetime(substr(${column}, 1, 19), '+0 days')`;
    const tail = `rtrim(substr(${column}, 20), 'Z')`;
    const isFraction =
      `${tail} GLOB '.[0-9]*' AND length(${tail}) <= 7 AND substr(${tail}, 2) NOT GLOB '*[^0-9]*'`;
    return {
      when: `substr(${seconds}, 1, 10) = substr(${column}, 1, 10) AND (${tail} = '' OR ${isFraction})`,
      value: `${seconds} || iif(${tail} = '', '', substr(${tail} || '000000', 1, 7))`,
    };
  },
  "text uuid": (column) => {
    const text = `lower(trim(${column}, '{}'))`;
    const digits = `replace(${text}, '-', '')`;
    const parts = [[1, 8], [9, 4], [13, 4], [17, 4], [21, 12]].map(([from, length]) =>
      `substr(${digits}, ${from}, ${length})`
    );
    return { when: digitsOfUuid(text), value: parts.join(" || '-' || ") };
  },
  // PostgreSQL's forms of bytes: as they are, or in hexadecimal digits. One that is escaped stays what it is.
  "text blob": (column) => ({
    when:
      `substr(${column}, 1, 2) = '\\x' AND unhex(substr(${column}, 3)) IS NOT NULL OR instr(${column}, '\\') = 0`,
    value: `iif(substr(${column}, 1, 2) = '\\x', unhex(substr(${column}, 3)), CAST(${column} AS BLOB))`,
  }),
  "blob text": (column) => ({
    when: `typeof(${column}) = 'blob'`,
    value: `'\\x' || lower(hex(${column}))`,
  }),
};

function whole(column: string): string {
  return `CAST(${column} AS INTEGER)`;
}

function rest(column: string): string {
  return `${column} - ${whole(column)}`;
}

function rounded(column: string, isNext: string): ReturnType<Working> {
  return {
    when: inRange(column),
    value: `${whole(column)} + iif(abs(${rest(column)}) ${isNext}, iif(${column} > 0, 1, -1), 0)`,
  };
}
