import type { Column } from "../../schema/snapshot.ts";
import { elementType, isArray } from "../../sql/postgres_spelling.ts";
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

/** Says which numbers of a column of PostgreSQL are beyond its new type; `null` where none is, or it is of no numbers. */
export function outOfRange(column: Column, old: Column): OutOfRange | null {
  const [to, from] = [elementType(column.type), elementType(old.type)];
  const wanted = wholes.find(({ type }) => type === to);
  const found = wholes.findIndex(({ type }) => type === from);
  const isBroken = /^(?:numeric|real|double precision)\b/.test(from);
  if (isArray(column.type) !== isArray(old.type) || (found < 0 && !isBroken)) return null;
  if (wanted !== undefined) {
    // NaN, which no whole number is, may be in a numeric that is narrow enough.
    if (!isBroken && found <= wholes.indexOf(wanted)) return null;
    const { bits, least, most } = wanted;
    const whole = (value: string) => isBroken ? `round(${value})` : value;
    const condition = conditionOn(old, (value) => `${whole(value)} NOT BETWEEN ${least} AND ${most}`);
    return { end: `${bits} bits`, condition };
  }
  return ofDigits(old, to);
}

/** NaN fits any. */
function ofDigits(old: Column, type: string): OutOfRange | null {
  const wanted = numericSize(type);
  const found = sizeOf(old.type);
  if (wanted === null) return null;
  // What is rounded up may get one digit more.
  const most = found === null ? Infinity : found.digits + (found.scale > wanted.scale ? 1 : 0);
  if (most <= wanted.digits) return null;
  const rounded = (value: string) => /^numeric/.test(old.type) ? `round(${value}, ${wanted.scale})` : value;
  const isNumber = (value: string) => /int/.test(old.type) ? "" : ` AND ${value} <> 'NaN'`;
  return {
    end: `${wanted.digits} digits before the point`,
    condition: conditionOn(
      old,
      (value) => `abs(${rounded(value)}) >= 1e${wanted.digits}${isNumber(value)}`,
    ),
  };
}

interface Size {
  /** Before the point. */
  readonly digits: number;
  readonly scale: number;
}

function sizeOf(type: string): Size | null {
  const whole = wholes.find((each) => each.type === elementType(type));
  return whole === undefined ? numericSize(type) : { digits: whole.digits, scale: 0 };
}

/** `numeric` without a precision takes all. */
function numericSize(type: string): Size | null {
  const [, precision, scale = "0"] = /^numeric\((\d+)(?:,(-?\d+))?\)/.exec(type) ?? [];
  return precision === undefined ? null : { digits: Number(precision) - Number(scale), scale: Number(scale) };
}
