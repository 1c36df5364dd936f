import type { Column } from "../../../schema/snapshot.ts";
import { elementType, isArray } from "../../../sql/postgres_spelling.ts";
import { conditionOn } from "./column_values.ts";

/** Numbers that are beyond a column's new type. */
export interface OutOfRange {
  /** What the type ends with: `32 bits`. */
  readonly end: string;
  readonly condition: string;
}

/** The whole numbers of PostgreSQL, the narrowest first. */
const wholes = [
  { type: "smallint", bits: 16, digits: 5, least: "-32768", most: "32767" },
  { type: "integer", bits: 32, digits: 10, least: "-2147483648", most: "2147483647" },
  { type: "bigint", bits: 64, digits: 19, least: "-9223372036854775808", most: "9223372036854775807" },
];

/** From where on a float rounds to more than it holds, and to 0. */
const floats: Readonly<Record<string, { readonly most: string; readonly least: string }>> = {
  real: { most: "3.4028235677973366e38", least: "7.006492321624085e-46" },
  "double precision": { most: "1.7976931348623158e308", least: "2.4703282292062328e-324" },
};

/** A number as PostgreSQL writes it in texts; what is none is looked for elsewhere. */
const number = String.raw`^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]{1,3})?\s*$`;

/** How the number in a value is read, where that is not itself one. Nothing else than a CASE keeps the cast from what is none. */
const readings: readonly (readonly [type: RegExp, read: (value: string) => string])[] = [
  [
    /^(?:text|character|json$)/,
    (value) =>
      `CASE WHEN CAST(${value} AS text) ~* '${number}' THEN CAST(CAST(${value} AS text) AS numeric) END`,
  ],
  [/^jsonb$/, (value) => `CASE WHEN jsonb_typeof(${value}) = 'number' THEN CAST(${value} AS numeric) END`],
];

/** Says which numbers of a column of PostgreSQL are beyond its new type; `null` where none is, or it is of no numbers. */
export function outOfRange(column: Column, old: Column): OutOfRange | null {
  const [to, from] = [elementType(column.type), elementType(old.type)];
  const wanted = wholes.find(({ type }) => type === to);
  const found = wholes.findIndex(({ type }) => type === from);
  const [, read] = readings.find(([type]) => type.test(from)) ?? [];
  const isBroken = read !== undefined || /^(?:numeric|real|double precision)\b/.test(from);
  if ((isArray(old.type) && !isArray(column.type)) || (found < 0 && !isBroken)) return null;
  const on = (condition: (value: string) => string) =>
    conditionOn({ old, column }, (value) => condition(read === undefined ? value : `(${read(value)})`));
  if (wanted !== undefined) {
    // NaN, which no whole number is, may be in a numeric that is narrow enough.
    if (!isBroken && found <= wholes.indexOf(wanted)) return null;
    const { bits, least, most } = wanted;
    const whole = (value: string) => isBroken ? `round(${value})` : value;
    return {
      end: `${bits} bits`,
      condition: on((value) => `${whole(value)} NOT BETWEEN ${least} AND ${most}`),
    };
  }
  return ofFloat(from, to, on) ?? ofDigits(from, to, on);
}

/** Makes a condition on a column of one on its numbers. */
type On = (condition: (number: string) => string) => string;

function ofFloat(from: string, to: string, on: On): OutOfRange | null {
  const limits = floats[to];
  if (limits === undefined || from === "real" || from === to || /int/.test(from)) return null;
  const isFinite = (value: string) => `CAST(${value} AS text) !~ '[NI]'`;
  return {
    end: `what ${to} holds`,
    condition: on((value) =>
      `${value} <> 0 AND ${
        isFinite(value)
      } AND (abs(${value}) >= ${limits.most} OR abs(${value}) <= ${limits.least})`
    ),
  };
}

/** NaN fits any. */
function ofDigits(from: string, to: string, on: On): OutOfRange | null {
  const wanted = numericSize(to);
  const found = sizeOf(from);
  if (wanted === null) return null;
  // What is rounded up may get one digit more.
  const most = found === null ? Infinity : found.digits + (found.scale > wanted.scale ? 1 : 0);
  if (most <= wanted.digits) return null;
  const isExact = !/^(?:real|double precision|smallint|integer|bigint)$/.test(from);
  const rounded = (value: string) => isExact ? `round(${value}, ${wanted.scale})` : value;
  const isNumber = (value: string) => /int/.test(from) ? "" : ` AND ${value} <> 'NaN'`;
  return {
    end: `${wanted.digits} digits before the point`,
    condition: on((value) => `abs(${rounded(value)}) >= 1e${wanted.digits}${isNumber(value)}`),
  };
}

interface Size {
  /** Before the point. */
  readonly digits: number;
  readonly scale: number;
}

function sizeOf(type: string): Size | null {
  const whole = wholes.find((each) => each.type === type);
  return whole === undefined ? numericSize(type) : { digits: whole.digits, scale: 0 };
}

/** `numeric` without a precision takes all. */
function numericSize(type: string): Size | null {
  const [, precision, scale = "0"] = /^numeric\((\d+)(?:,(-?\d+))?\)/.exec(type) ?? [];
  return precision === undefined ? null : { digits: Number(precision) - Number(scale), scale: Number(scale) };
}
