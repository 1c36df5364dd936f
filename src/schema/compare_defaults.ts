import type { Dialect } from "../base/dialect.ts";
import { isSameExpression } from "./compare_expressions.ts";
import { canonical } from "./kit_snapshot.ts";

/**
 * Says whether two defaults of a column of a type give the same value or are the same expression.
 *
 * PostgreSQL reads a literal into its type and prints what it read: `{"b":1,"a":2}` comes back as `{"a": 2, "b": 1}`,
 * `90 minutes` as `01:30:00`. So literals are read here, too, and compared by value. SQLite keeps what was written.
 */
export function isSameDefault(
  [a, b]: readonly [string, string],
  type: string,
  dialect: Dialect,
): boolean {
  if (lengthsOf(a) !== lengthsOf(b)) return false;
  if (isSameExpression(a, b, dialect)) return true;
  const [one, other] = valuesOf([a, b], type, dialect);
  return one !== null && one === other;
}

/** Says whether two defaults are literals of a type, and of different values. */
export function isOtherValue(both: readonly [string, string], type: string, dialect: Dialect): boolean {
  const [one, other] = valuesOf(both, type, dialect);
  return one !== null && other !== null && one !== other;
}

function valuesOf(
  both: readonly [string, string],
  type: string,
  dialect: Dialect,
): readonly [string | null, string | null] {
  const read = readers[dialect](type);
  const [one = null, other = null] = both.map((text) => {
    const literal = literalOf(text, type);
    return literal === null ? null : read(literal);
  });
  return [one, other];
}

/** Returns a value in one spelling; `null` for what is not known. */
type Read = (text: string) => string | null;

const readers: Readonly<Record<Dialect, (type: string) => Read>> = {
  sqlite: () => () => null,
  postgresql: readerOf,
};

/**
 * Returns the lengths that casts cut to or fill up to. An interval's comes from its column, said or not, and snapshots
 * say `character` without one, which would be 1.
 */
function lengthsOf(text: string): string {
  const found = text.replaceAll(/'(?:[^']|'')*'/g, "").matchAll(
    /::\s*(?!interval\b|char(?:acter)?\s*\(\s*1\s*\))["\w. ]+\((\d+(?:\s*,\s*\d+)?)\)/gi,
  );
  return [...found].map(([, length]) => length).join(" ").replaceAll(/\s*,\s*/g, ",");
}

/** Returns what a literal of a type says, with or without a cast to it; `null` for any other expression. */
function literalOf(text: string, type: string): string | null {
  const bare = text.trim().replace(/^\((.*)\)$/s, "$1");
  const [, quoted, casts = ""] = /^'((?:[^']|'')*)'((?:::["\w. (),]+(?:\[\])*)*)$/.exec(bare) ?? [];
  if (quoted !== undefined) {
    // A cast to another type makes another value: `'2024-02-29 12:00'::date` is midnight in a timestamp.
    const isOwn = casts.split("::").slice(1).every((cast) => isReadAlike(cast, type));
    return isOwn ? quoted.replaceAll("''", "'") : null;
  }
  return /^(?:[+-]?[\d.]+(?:e[+-]?\d+)?|true|false)$/i.test(bare) ? bare : null;
}

function isReadAlike(cast: string, type: string): boolean {
  const [one, other] = [cast, type].map((name) => readerOf(name.replaceAll("[]", "")));
  return one === other || (one === decimal && other === float);
}

const asIs: Read = (text) => text;

function readerOf(type: string): Read {
  if (type.endsWith("[]")) {
    const element = readerOf(type.slice(0, -2));
    return (text) => readArray(text, element);
  }
  const name = type.replace(/\([^)]*\)/, "").trim().toLowerCase();
  return byType[shortNames[name] ?? name] ?? asIs;
}

const lower: Read = (text) => text.toLowerCase();
const float: Read = (text) => Number.isNaN(Number(text)) ? lower(text) : String(Number(text));
const withoutBlanks: Read = (text) => text.replaceAll(/\s+/g, "");

/** What types are called for short. */
const shortNames: Readonly<Record<string, string>> = {
  int: "integer",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  decimal: "numeric",
  float4: "real",
  float8: "double precision",
  bool: "boolean",
  time: "time without time zone",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
};

/** By the names that `format_type` gives types, without their lengths. */
const byType: Readonly<Record<string, Read>> = {
  smallint: decimal,
  integer: decimal,
  bigint: decimal,
  numeric: decimal,
  real: float,
  "double precision": float,
  boolean: (text) => /^(?:t|tr|tru|true|y|ye|yes|on|1)$/i.test(text.trim()) ? "true" : "false",
  jsonb: readJson,
  uuid: (text) => text.replaceAll(/[{}-]/g, "").toLowerCase(),
  bytea: lower,
  inet: (text) => text.toLowerCase().replace(/^([\d.]+)\/32$|^(.*:.*)\/128$/, "$1$2"),
  macaddr: (text) => text.replaceAll(/[.:-]/g, "").toLowerCase(),
  date: (text) =>
    /^\s*(\d{4,}-\d\d-\d\d)(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d*)?)?Z?)?\s*$/.exec(text)?.[1] ?? text,
  "time without time zone": (text) => secondsOf(text) ?? text,
  "timestamp without time zone": (text) => readMoment(text, false),
  "timestamp with time zone": (text) => readMoment(text, true),
  interval: readInterval,
  point: withoutBlanks,
  line: withoutBlanks,
};

/** Writes a number so that `1.50`, `1.5` and `15e-1` are the same, however long it is. */
function decimal(text: string): string | null {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^\s*([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?\s*$/i.exec(text) ?? [];
  if (whole + fraction === "") return null;
  const digits = (whole + fraction).replace(/^0+/, "");
  const point = whole.length + Number(exponent) - (whole.length + fraction.length - digits.length);
  const value = digits.replace(/0+$/, "");
  return value === "" ? "0" : `${sign === "-" ? "-" : ""}0.${value}e${point}`;
}

/** Numbers stay what they are, however long; of a name that is there twice the last counts, as in jsonb. */
function readJson(text: string): string | null {
  const marked = text.replaceAll(
    /"(?:[^"\\]|\\.)*"|-?\d[\d.]*(?:e[+-]?\d+)?/gi,
    (part) => part.startsWith('"') ? `"=${part.slice(1)}` : `"#${decimal(part)}"`,
  );
  try {
    return canonical(JSON.parse(marked));
  } catch {
    return null;
  }
}

/** Returns a time of day in seconds, with its fraction; `null` when it is none. */
function secondsOf(text: string): string | null {
  const [, hours, minutes, seconds = "0", fraction = ""] =
    /^\s*(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d*))?)?\s*$/.exec(text) ?? [];
  if (hours === undefined) return null;
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return `${whole}.${fraction.replace(/0+$/, "")}`;
}

/** Sessions are in UTC, so that is what a moment without a zone is in. */
function readMoment(text: string, isZoned: boolean): string | null {
  const [, day, time = "00:00", sign = "+", hours = "0", minutes = "0"] =
    /^\s*(\d{4,}-\d\d-\d\d)(?:[T ]+([\d:.]+))?\s*(?:Z|UTC|([+-])(\d\d)(?::?(\d\d))?)?\s*$/i.exec(text) ?? [];
  const seconds = secondsOf(time);
  const days = Date.parse(`${day}T00:00:00Z`);
  if (seconds === null || Number.isNaN(days)) return text;
  const [whole, fraction] = seconds.split(".");
  const offset = isZoned ? Number(`${sign}1`) * (Number(hours) * 3600 + Number(minutes) * 60) : 0;
  return `${days / 1000 + Number(whole) - offset}.${fraction}`;
}

/** Months, days and microseconds, which PostgreSQL keeps apart. */
const units: readonly (readonly [name: RegExp, part: "months" | "days" | "seconds", size: number])[] = [
  [/^y(?:ears?|rs?)?$/, "months", 12],
  [/^mon(?:th)?s?$/, "months", 1],
  [/^w(?:eeks?)?$/, "days", 7],
  [/^d(?:ays?)?$/, "days", 1],
  [/^h(?:ours?|rs?)?$/, "seconds", 3600],
  [/^m(?:in(?:ute)?s?)?$/, "seconds", 60],
  [/^s(?:ec(?:ond)?s?)?$/, "seconds", 1],
];

function readInterval(text: string): string {
  const sums = { months: 0, days: 0, seconds: 0 };
  const rest = text.toLowerCase()
    .replaceAll(/([+-]?)(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?/g, (_, sign, hours, minutes, seconds = "0") => {
      const all = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
      sums.seconds += sign === "-" ? -all : all;
      return "";
    })
    .replaceAll(/([+-]?\d+(?:\.\d+)?)\s*([a-z]+)/g, (said, count, name) => {
      const [, part, size] = units.find(([pattern]) => pattern.test(name)) ?? [];
      // A part of a month or of a day is counted in smaller units, by rules of its own.
      if (part === undefined || size === undefined || (part !== "seconds" && count.includes("."))) {
        return said;
      }
      sums[part] += Number(count) * size;
      return "";
    });
  return rest.trim() === "" ? canonical(sums) : text;
}

/** Reads `{a,"b c",{…}}`; `null` when it is none, or says where it begins. */
function readArray(text: string, element: Read): string | null {
  const parts = text.trim().match(/[{},]|"(?:[^"\\]|\\.)*"|[^{},"]+/gs) ?? [];
  let at = 0;
  const list = (): readonly unknown[] | null => {
    if (parts[at++] !== "{") return null;
    const items: unknown[] = [];
    while (at < parts.length) {
      const part = parts[at]!;
      if (part === "{") {
        const inner = list();
        if (inner === null) return null;
        items.push(inner);
      } else if (part === "}") {
        at++;
        return items;
      } else if (part !== "," && part.trim() !== "") items.push(item(part));
      if (part !== "{") at++;
    }
    return null;
  };
  const item = (part: string): string | null => {
    if (/^\s*null\s*$/i.test(part)) return null;
    const said = part.startsWith('"') ? part.slice(1, -1) : part.trim();
    const value = said.replaceAll(/\\(.)/gs, "$1");
    return `=${element(value) ?? value}`;
  };
  const items = list();
  return items === null || at < parts.length ? null : JSON.stringify(items);
}
