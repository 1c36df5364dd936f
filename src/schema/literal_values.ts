import { canonical } from "./kit_snapshot.ts";

/** Returns a value in one spelling; `null` for what is not known. */
export type Read = (text: string) => string | null;

const asIs: Read = (text) => text;

/** Returns what reads literals of a type of PostgreSQL, said with or without lengths, into one spelling of their value. */
export function readerOf(type: string): Read {
  if (type.endsWith("[]")) {
    const element = readerOf(type.slice(0, -2));
    return (text) => readArray(text, element);
  }
  const name = type.replace(/\([^)]*\)/, "").trim().toLowerCase();
  const element = elements[name];
  if (element !== undefined) return (text) => readRange(text, element);
  return byType[shortNames[name] ?? name] ?? asIs;
}

const lower: Read = (text) => text.toLowerCase();
export const float: Read = (text) => Number.isNaN(Number(text)) ? lower(text) : String(Number(text));
const withoutBlanks: Read = (text) => text.replaceAll(/\s+/g, "");

/** What types of PostgreSQL are called for short. */
export const shortNames: Readonly<Record<string, string>> = {
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
  timetz: "time with time zone",
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
  "time with time zone": (text) => {
    const [, time = "", sign, hours, minutes = "0"] =
      /^\s*([\d:.]+)\s*([+-])(\d\d?)(?::?(\d\d))?\s*$/.exec(text) ?? [];
    const seconds = secondsOf(time);
    return seconds === null ? text : `${seconds} ${sign}${Number(hours) * 60 + Number(minutes)}`;
  },
  "timestamp without time zone": (text) => readMoment(text, false),
  "timestamp with time zone": (text) => readMoment(text, true),
  interval: readInterval,
  jsonpath: readJsonPath,
  point: withoutBlanks,
  line: withoutBlanks,
};

/** Writes a number so that `1.50`, `1.5` and `15e-1` are the same, however long it is. */
export function decimal(text: string): string | null {
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

/** Writes a path without what PostgreSQL adds: quotes around keys, blanks, and parentheses around all of a condition. */
function readJsonPath(text: string): string {
  const bare = text.replaceAll(
    /"((?:[^"\\]|\\.)*)"|\s+/g,
    (whole, key, at: number) =>
      key === undefined ? "" : text[at - 1] === "." && /^[A-Za-z_]\w*$/.test(key) ? key : whole,
  );
  const [, inner] = /^\((.*)\)$/s.exec(bare) ?? [];
  return inner === undefined || /^[^()]*\)/.test(inner) ? bare : inner;
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
    .replace(
      /^\s*(-?)(\d+)-(\d+)\s*$/,
      (_, sign, years, months) => `${sign}${years} years ${sign}${months} months`,
    )
    .replaceAll(/([+-]?)(\d+):(\d\d?)(?::(\d\d(?:\.\d+)?))?/g, (_, sign, hours, minutes, seconds = "0") => {
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

const elements: Readonly<Record<string, string>> = {
  int4range: "integer",
  int8range: "bigint",
  numrange: "numeric",
  daterange: "date",
  tsrange: "timestamp",
  tstzrange: "timestamptz",
};

/** Reads `[a,b)`; PostgreSQL writes ranges of whole numbers and days with their first and without their last. */
function readRange(text: string, type: string): string | null {
  const [, open, from = "", to = "", close] = /^\s*([[(])([^,]*),([^,]*)([\])])\s*$/.exec(text) ?? [];
  if (open === undefined) return text.trim().toLowerCase() === "empty" ? "empty" : null;
  const bound = (said: string, isNext: boolean) => {
    const bare = said.trim().replace(/^"(.*)"$/, "$1");
    if (bare === "") return "";
    if (isNext && /^(?:integer|bigint)$/.test(type)) {
      return /^[+-]?\d+$/.test(bare) ? String(BigInt(bare) + 1n) : null;
    }
    if (isNext && type === "date") {
      const day = Date.parse(`${bare}T00:00:00Z`);
      return Number.isNaN(day) ? null : new Date(day + 86_400_000).toISOString().slice(0, 10);
    }
    return bare;
  };
  const isDiscrete = /^(?:integer|bigint|date)$/.test(type);
  const read = readerOf(type);
  const [first, last] = [bound(from, isDiscrete && open === "("), bound(to, isDiscrete && close === "]")]
    .map((said) => said === "" ? "" : said === null ? null : read(said));
  if (first === null || last === null) return null;
  const ends = isDiscrete ? "" : `${from.trim() === "" ? "(" : open}${to.trim() === "" ? ")" : close}`;
  return `${first},${last}${ends}`;
}
