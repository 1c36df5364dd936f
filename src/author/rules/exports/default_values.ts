import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import { SQL } from "drizzle-orm/sql/sql";
import { getTableName, type Table } from "drizzle-orm/table";
import { getTableColumns } from "drizzle-orm/utils";
import { HarborError } from "../../../base/errors.ts";
import { fitsNumeric, mayBeDate, mayBeTime } from "./value_forms.ts";

/**
 * Refuses a default that is no value of its column, which the compiler would refuse in a project that has one.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseWrongDefaults(table: Table): void {
  for (const column of Object.values(getTableColumns(table)) as readonly Column[]) {
    const value = column.default as unknown;
    if (value === undefined || value === null || is(value, SQL)) continue;
    const wanted = whatFits(column, value);
    if (wanted === null) continue;
    throw new HarborError(
      "bad_schema",
      `Cannot use "${getTableName(table)}.${column.name}": its default ${shown(value)} is no ${wanted}`,
      { hint: "Give default() what the column holds, or an expression: default(sql`…`)" },
    );
  }
}

function shown(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  return JSON.stringify(value) ?? String(value);
}

/** Columns with more to say than what they hold. */
interface ColumnFacts {
  readonly length?: number;
  readonly baseColumn?: Column;
  /** Of numbers: how many digits there are, and how many of them behind the point. */
  readonly precision?: number;
  readonly scale?: number;
}

/** Returns what a default should be and is not; `null` when it fits. */
function whatFits(column: Column, value: unknown): string | null {
  const { dataType, columnType, enumValues } = column;
  const { length, baseColumn, precision, scale = 0 } = column as Column & ColumnFacts;
  if (dataType === "array" && baseColumn !== undefined) {
    if (!Array.isArray(value)) return "array";
    return value.map((each) => each === null ? null : whatFits(baseColumn, each)).find((each) =>
      each !== null
    ) ?? null;
  }
  if (!(kinds[dataType] ?? (() => true))(value)) return names[dataType] ?? dataType;
  if (enumValues !== undefined && enumValues.length > 0 && !enumValues.includes(value as string)) {
    return `value of ${enumValues.map((each) => `"${each}"`).join(", ")}`;
  }
  if (
    typeof value === "string" && length !== undefined && /Char/i.test(columnType) &&
    [...value].length > length
  ) {
    return `text of at most ${length} characters`;
  }
  const form = forms.find(({ type }) => type.test(columnType));
  if (form !== undefined && !form.fits(value)) return form.name;
  if (!/^PgNumeric/.test(columnType) || precision === undefined) return null;
  return fitsNumeric(String(value).trim(), precision, scale)
    ? null
    : `number of at most ${precision} digits, ${scale} of them behind the point`;
}

const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  number: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  bigint: (value) => typeof value === "bigint",
  date: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  buffer: (value) => value instanceof Uint8Array,
  json: (value) => JSON.stringify(value, (_, each) => typeof each === "bigint" ? 0 : each) !== undefined,
};

const names: Readonly<Record<string, string>> = {
  string: "text",
  date: "Date",
  buffer: "Uint8Array",
  json: "JSON",
};

interface Form {
  readonly type: RegExp;
  readonly name: string;
  fits(value: unknown): boolean;
}

const whole = (type: RegExp, bits: number): Form => ({
  type,
  name: `whole number of ${bits} bits`,
  fits: (value) =>
    typeof value === "bigint"
      ? BigInt.asIntN(bits, value) === value
      : Number.isInteger(value) && (value as number) >= -(2 ** (bits - 1)) &&
        (value as number) < 2 ** (bits - 1),
});
const text = (type: RegExp, name: string, isOne: (text: string) => boolean): Form => ({
  type,
  name,
  fits: (value) => typeof value !== "string" || isOne(value.trim()),
});
const matches = (pattern: RegExp) => (text: string) => pattern.test(text);

/** What a type asks of a value beside its kind. */
const forms: readonly Form[] = [
  whole(/^PgSmall(?:Int|Serial)/, 16),
  whole(/^Pg(?:Integer|Serial)/, 32),
  whole(/^PgBig(?:Int|Serial)/, 64),
  whole(/^SQLite(?:Integer|BigInt)/, 64),
  text(
    /^(?:Pg|SQLite)Numeric$/,
    "number",
    matches(/^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|[+-]?infinity)$/i),
  ),
  text(/^PgUUID/, "UUID", matches(/^\{?[\da-f]{4}(?:-?[\da-f]{4}){7}\}?$/i)),
  text(/^Pg(?:Date|Timestamp)String/, "date", mayBeDate),
  text(/^PgTime$/, "time of day", mayBeTime),
];
