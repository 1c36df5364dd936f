import { canonical } from "../same_schema.ts";
import { dayOf, readInterval, readMoment, readZonedTime, secondsOf } from "./literal_times.ts";

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
  const each = elements[name.replace("multirange", "range")];
  if (each !== undefined) return (text) => readRanges(text, each);
  const [, unit] = /^interval (?:.* )?(\w+)$/.exec(name) ?? [];
  if (unit !== undefined) {
    return (text) => readInterval(/^\s*[+-]?[\d.]+\s*$/.test(text) ? `${text.trim()} ${unit}` : text);
  }
  return byType[shortNames[name] ?? name] ?? asIs;
}

export const float: Read = (text) =>
  Number.isNaN(Number(text))
    ? text.toLowerCase().replace(/^(\s*[+-]?)inf$/, "$1infinity")
    : String(Number(text)).toLowerCase();
/** Numbers with or without what is around all of them. */
const coordinates: Read = (text) => text.replaceAll(/[\s(){}]/g, "").split(",").map(float).join();

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
  bytea: readBytes,
  inet: readAddress,
  cidr: readNetwork,
  macaddr: (text) => text.replaceAll(/[.:-]/g, "").toLowerCase(),
  // One of six bytes gets two in the middle.
  macaddr8: (text) => text.replaceAll(/[.:-]/g, "").toLowerCase().replace(/^(.{6})(.{6})$/, "$1fffe$2"),
  money: (text) => decimal(text.replaceAll(/[$,]/g, "")) ?? text,
  oid: decimal,
  date: (text) => dayOf(text) ?? text,
  "time without time zone": (text) => secondsOf(text) ?? text,
  "time with time zone": readZonedTime,
  "timestamp without time zone": (text) => readMoment(text, false),
  "timestamp with time zone": (text) => readMoment(text, true),
  interval: readInterval,
  jsonpath: readJsonPath,
  tsquery: (text) => bareLexemes(text).replaceAll(/\s+/g, ""),
  tsvector: (text) => [...new Set(bareLexemes(text).trim().split(/\s+/))].toSorted().join(" "),
  regclass: readRelation,
  point: coordinates,
  line: coordinates,
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

/** Writes bytes as hexadecimal digits: `A`, `\\101` and `\\x41` are the same. */
function readBytes(text: string): string {
  if (text.startsWith("\\x")) return text.toLowerCase();
  const parts = text.match(/\\[0-3][0-7]{2}|\\\\|[^\\]+/g) ?? [];
  const bytes = parts.flatMap((part) =>
    /^\\\d/.test(part)
      ? [Number.parseInt(part.slice(1), 8)]
      : [...new TextEncoder().encode(part === "\\\\" ? "\\" : part)]
  );
  return parts.join("") === text
    ? `\\x${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`
    : text;
}

/** Writes an address of either kind in its shortest form, without the length that it has anyway. */
function readAddress(text: string): string {
  const [, address = "", length] = /^\s*([^/\s]*)(\/\d+)?\s*$/.exec(text) ?? [];
  const isLong = address.includes(":");
  const host = isLong && URL.canParse(`http://[${address}]`)
    ? new URL(`http://[${address}]`).hostname
    : address;
  return `${host}${length === (isLong ? "/128" : "/32") ? "" : length ?? ""}`;
}

/** Fills up a network of four numbers that says the first of them only; without a length it has its class's, or one for all numbers. */
function readNetwork(text: string): string {
  const [, said, length] = /^\s*(\d+(?:\.\d+){0,3})(?:\/(\d+))?\s*$/.exec(text) ?? [];
  if (said === undefined) return readAddress(text);
  const numbers = said.split(".");
  const first = Number(numbers[0]);
  const usual = first < 128 ? 8 : first < 192 ? 16 : 24;
  const bits = length ?? Math.max(usual, numbers.length * 8);
  return readAddress(`${[...numbers, 0, 0, 0].slice(0, 4).join(".")}/${bits}`);
}

/** Leaves out the quotes that words of a text search need not have. */
function bareLexemes(text: string): string {
  return text.replaceAll(/'([\p{L}\p{N}_]+)'/gu, "$1");
}

/** Writes a relation's name without needless quotes, and without the default schema. */
function readRelation(text: string): string {
  const names = text.trim().match(/"(?:[^"]|"")*"|[^."]+/g) ?? [];
  return names.map((name) => name.startsWith('"') ? name : `"${name.toLowerCase()}"`).join(".").replace(
    /^"public"\./,
    "",
  );
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

/** Reads `{[a,b),[c,d]}`, in the order in which the ranges stand; `null` when one of them is none. */
function readRanges(text: string, type: string): string | null {
  const [, inner] = /^\s*\{(.*)\}\s*$/s.exec(text) ?? [];
  if (inner === undefined) return null;
  const parts = (inner.match(/[[(][^\])]*[\])]/g) ?? []).map((part) => readRange(part, type));
  return parts.includes(null) ? null : parts.join(";");
}
