import type { Dialect } from "../../../base/dialect.ts";
import { postgresType } from "../../../sql/postgres_spelling.ts";

/** What happens to the values of a column that takes another type. */
export interface TypeChange {
  /** Whether there are values that the new type does not take. */
  readonly fails: boolean;
  /** What of a value nobody can work out again, by an example; `null` when nothing is. */
  readonly loss: string | null;
}

const kept: TypeChange = { fails: false, loss: null };
const narrower: TypeChange = { fails: true, loss: null };

/** Says what becomes of the values of a column whose type changes, given as DDL has both. */
export function typeChange(from: string, to: string, dialect: Dialect): TypeChange {
  return judges[dialect](from, to);
}

const judges: Readonly<Record<Dialect, (from: string, to: string) => TypeChange>> = {
  sqlite: sqliteChange,
  postgresql: postgresChange,
};

const asNumber = "'007' becomes 7";
const asTruth = "'yes' becomes true";
const timeGoes = "the time of day goes";
const dayGoes = "the day goes";

/**
 * SQLite refuses no value, but a column that is not of text keeps as a number what reads as one.
 * Source: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
function sqliteChange(from: string, to: string): TypeChange {
  const isText = (type: string) => !/INT/i.test(type) && /CHAR|CLOB|TEXT/i.test(type);
  const isNumber = (type: string) => /INT/i.test(type) || !/CHAR|CLOB|TEXT|BLOB|^$/i.test(type);
  if (isText(from) && /^boolean$/i.test(to)) return { fails: false, loss: asTruth };
  if (isText(from) && isNumber(to)) return { fails: false, loss: asNumber };
  if (/^datetime$/i.test(from) && /^time$/i.test(to)) return { fails: false, loss: dayGoes };
  return /^datetime$/i.test(from) && /^date$/i.test(to) ? { fails: false, loss: timeGoes } : kept;
}

/** What SQLite works out where it copies a value to a column of another type. */
export interface Conversion {
  /** Holds for a value that is of the form of the type that it had. */
  readonly when: string;
  readonly value: string;
}

/**
 * Returns how SQLite turns a column's values into those of another type, which it does not do by itself; `null` where what
 * is there is right in both. What is of no form of the first type is not for it to read: numbers and `now` are times to SQLite.
 *
 * @param column The column, quoted
 */
export function sqliteConversion(from: string, to: string, column: string): Conversion | null {
  // With a modifier a day that no calendar has becomes another one, and is not taken for a date.
  const day = `date(${column}, '+0 days')`;
  const word = `lower(trim(${column}))`;
  const kind = (type: string) => type.toLowerCase().replace(/^(?:text|(?:var)?char).*$/, "text");
  switch (`${kind(from)} ${kind(to)}`) {
    case "date datetime":
      return { when: `${day} = ${column}`, value: `datetime(${column})` };
    case "datetime date":
      return { when: `${day} = substr(${column}, 1, 10)`, value: `date(${column})` };
    case "datetime time":
      return {
        when: `${day} = substr(${column}, 1, 10) AND length(${column}) > 10`,
        value: `substr(${column}, 12)`,
      };
    case "time datetime":
      return { when: `time(${column}) = substr(${column}, 1, 8)`, value: `'1970-01-01 ' || ${column}` };
    case "text boolean":
      return { when: `${word} IN (${[...yes, ...no].join(", ")})`, value: `${word} IN (${yes.join(", ")})` };
    case "boolean text":
      return { when: `${column} IN (0, 1)`, value: `iif(${column}, 'true', 'false')` };
    default:
      return null;
  }
}

/** PostgreSQL's words. Source: https://www.postgresql.org/docs/current/datatype-boolean.html */
const yes = ["'true'", "'t'", "'yes'", "'y'", "'on'", "'1'"];
const no = ["'false'", "'f'", "'no'", "'n'", "'off'", "'0'"];

/** A type of PostgreSQL, taken apart. */
interface Parts {
  readonly family: string;
  readonly sizes: readonly number[];
  /** The type without its sizes. */
  readonly name: string;
}

const families: readonly (readonly [family: string, pattern: RegExp])[] = [
  ["text", /^(?:text|character)/],
  ["int", /^(?:smallint|integer|bigint)$/],
  ["numeric", /^numeric/],
  ["float", /^(?:real|double precision)$/],
  ["moment", /^(?:date$|timestamp)/],
  ["time", /^time /],
];

function partsOf(written: string): Parts {
  const type = postgresType(written);
  const name = type.replace(/\([^)]*\)/, "");
  return {
    family: families.find(([, pattern]) => pattern.test(name) && !name.endsWith("]"))?.[0] ?? name,
    sizes: (/\(([^)]*)\)/.exec(type)?.[1] ?? "").split(",").filter((size) => size !== "").map(Number),
    name,
  };
}

function postgresChange(written: string, target: string): TypeChange {
  const [from, to] = [partsOf(written), partsOf(target)];
  const judge = within[from.family];
  if (from.family === to.family && judge !== undefined) return judge(from, to);
  // What is printed as text can be read again.
  if (to.family === "text") return to.sizes.length === 0 ? kept : narrower;
  return between[`${from.family} ${to.family}`]?.(from, to) ??
    (from.family === to.family ? kept : narrower);
}

type Judge = (from: Parts, to: Parts) => TypeChange;

const ranks = ["smallint", "integer", "bigint"];
/** How many digits a whole number of a type has at most. */
const digits: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };
const rounded = "1.5 becomes 2";
const nonZero = "7 becomes true";
const imprecise = "16777217 becomes 16777216";

const within: Readonly<Record<string, Judge>> = {
  text: ({ sizes: [was = Infinity] }, { sizes: [now = Infinity] }) => now < was ? narrower : kept,
  int: (from, to) => ranks.indexOf(to.name) < ranks.indexOf(from.name) ? narrower : kept,
  numeric: ({ sizes: was }, { sizes: now }) => {
    if (now.length === 0) return kept;
    const [wholes, scale] = [now[0]! - (now[1] ?? 0), now[1] ?? 0];
    return {
      fails: was.length === 0 || wholes < was[0]! - (was[1] ?? 0),
      loss: was.length === 0 || scale < (was[1] ?? 0) ? `what has more digits is rounded to ${scale}` : null,
    };
  },
  float: (from, to) =>
    from.name === "double precision" && to.name === "real" ? { fails: true, loss: imprecise } : kept,
  moment: (from, to) => {
    if (to.name === "date" && from.name !== "date") return { fails: false, loss: timeGoes };
    return lessPrecise(from, to);
  },
  time: (from, to) => lessPrecise(from, to),
};

function lessPrecise({ name, sizes: [was = name === "date" ? 0 : 6] }: Parts, to: Parts): TypeChange {
  const [now = 6] = to.sizes;
  return now < was ? { fails: false, loss: `fractions of a second are rounded to ${now} digits` } : kept;
}

const fromText = (loss: string | null): Judge => () => ({ fails: true, loss });

const between: Readonly<Record<string, Judge>> = {
  "int numeric": ({ name }, { sizes: [precision = Infinity, scale = 0] }) =>
    precision - scale < digits[name]! ? narrower : kept,
  "int float": (from, to) =>
    from.name === "smallint" || (from.name === "integer" && to.name === "double precision")
      ? kept
      : { fails: false, loss: imprecise },
  "numeric int": ({ sizes }) => ({ fails: true, loss: sizes.length > 0 && !sizes[1] ? null : rounded }),
  "numeric float": () => ({ fails: false, loss: "what has more digits is rounded" }),
  "float int": () => ({ fails: true, loss: rounded }),
  "float numeric": () => ({ fails: true, loss: "what has more digits is rounded" }),
  "text int": fromText(asNumber),
  "text numeric": fromText(asNumber),
  "text float": fromText(asNumber),
  "text boolean": fromText(asTruth),
  "text moment": fromText("'Jan 2 2024' becomes 2024-01-02"),
  "text time": fromText("'8:30' becomes 08:30:00"),
  "text uuid": fromText("capitals become small letters"),
  "text jsonb": fromText(`'{"b": 1,"a":2}' becomes {"a": 2, "b": 1}`),
  "moment time": () => ({ fails: false, loss: dayGoes }),
  "time moment": () => kept,
  "time interval": () => kept,
  "interval time": () => ({ fails: false, loss: "whole days go" }),
  "int boolean": () => ({ fails: false, loss: nonZero }),
  "numeric boolean": () => ({ fails: false, loss: nonZero }),
  "float boolean": () => ({ fails: false, loss: nonZero }),
  "boolean int": () => kept,
  "boolean numeric": () => kept,
  "boolean float": () => kept,
  "json jsonb": fromText(`'{"b": 1,"a":2}' becomes {"a": 2, "b": 1}`),
  "jsonb json": () => kept,
};
