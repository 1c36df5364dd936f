import type { PostgresType } from "postgres";

/**
 * How values cross: as PostgreSQL wrote them, so that what was read can be written back unchanged. JavaScript's own
 * types stand only for what they hold exactly: boolean, integers and floats, bytes. Numbers of 64 bits are a `number`
 * as far as that is exact and a `bigint` beyond; times, dates, numeric, json and arrays are text.
 *
 * Numbers are type ids of PostgreSQL (pg_type.dat). The names override the types that postgres.js has by default: its
 * own would round timestamps to milliseconds and shift them by the time zone.
 */
export const valueTypes: Record<string, PostgresType> = {
  bigint: { to: 20, from: [20], serialize: String, parse: exactInteger },
  boolean: {
    to: 16,
    from: [16],
    serialize: (value: unknown) => typeof value === "boolean" ? (value ? "t" : "f") : String(value),
    parse: (text: string) => text === "t",
  },
  json: {
    to: 114,
    from: [114, 3802],
    serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
    parse: asWritten,
  },
  date: {
    to: 1184,
    from: [1082, 1114, 1184],
    serialize: (value: unknown) => value instanceof Date ? value.toISOString() : String(value),
    parse: asWritten,
  },
};

function asWritten(text: string): string {
  return text;
}

function exactInteger(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
