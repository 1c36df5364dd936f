import { Buffer } from "node:buffer";
import { quoteName } from "../../../sql/quote.ts";
import type { SqliteValue } from "../connection/statement.ts";

/**
 * The text of a row that digests are made of: a JSON array of its values, as SQLite's `json_array` writes integers,
 * texts and NULL since 3.9. What that function refuses (a blob) or writes differently from release to release (a
 * floating-point number) stands as an object: a blob as its hex digits, a number as a place, behind which the bits of
 * each follow the array. So the text of a row is the same whoever makes it: SQLite here, a server, or JavaScript.
 */
export interface RowColumn {
  readonly name: string;
  /** As declared. */
  readonly type: string;
}

/** Returns the expression for a row's text; the statement fails for a row with a blob or a floating-point number. */
export function plainRowSql(columns: readonly RowColumn[]): string {
  return jsonArray(columns.map((column) => {
    const name = quoteName(column.name);
    // json_array takes some blobs for JSON in binary form. Only a JSON path that cannot be read fails for sure.
    const fail = `json_extract('{}', '${notPlain} ' || typeof(${name}))`;
    const real = mayHoldReal(column) ? ` WHEN 'real' THEN ${fail}` : "";
    return `CASE typeof(${name}) WHEN 'blob' THEN ${fail}${real} ELSE ${name} END`;
  }));
}

/** What SQLite's message for {@link plainRowSql} holds when it meets a row that it cannot write. */
const notPlain = "harbor_not_plain";

/** Says whether an engine's message is that of {@link plainRowSql} for a row that it cannot write. */
export function isPlainRowFailure(message: string): boolean {
  return message.includes(notPlain);
}

/** Returns the expressions for any row: its array, and for each column its value if that is a floating-point number. */
export function anyRowSql(columns: readonly RowColumn[]): readonly string[] {
  const array = jsonArray(columns.map((column) => {
    const name = quoteName(column.name);
    return `CASE typeof(${name}) WHEN 'blob' THEN json_object('blob', hex(${name})) ` +
      `WHEN 'real' THEN json_object('real', NULL) ELSE ${name} END`;
  }));
  const reals = columns.map((column) =>
    `CASE typeof(${quoteName(column.name)}) WHEN 'real' THEN ${quoteName(column.name)} END`
  );
  return [array, ...reals];
}

/**
 * Returns expressions for a row's values, each of them one that a server can send: it has no form for an infinite
 * number. The last one lists the signs of those that are.
 */
export function sendableSql(columns: readonly RowColumn[]): readonly string[] {
  const isInfinite = (column: RowColumn) =>
    `typeof(${quoteName(column.name)}) = 'real' AND abs(${quoteName(column.name)}) = 9e999`;
  const values = columns.map((column) =>
    mayHoldReal(column)
      ? `CASE WHEN ${isInfinite(column)} THEN NULL ELSE ${quoteName(column.name)} END`
      : quoteName(column.name)
  );
  const signs = columns.map((column) =>
    mayHoldReal(column) ? `CASE WHEN ${isInfinite(column)} THEN sign(${quoteName(column.name)}) END` : "NULL"
  );
  return [...values, jsonArray(signs)];
}

/** Returns the values that {@link sendableSql} stands for. */
export function valuesOfSendable(row: readonly SqliteValue[]): readonly SqliteValue[] {
  const signs = JSON.parse(String(row.at(-1))) as readonly (number | null)[];
  return row.slice(0, -1).map((value, place) => signs[place] ? signs[place] * Infinity : value);
}

/** Returns the text of a row of values: whole numbers as `bigint`, floating-point ones as `number`. */
export function rowText(values: readonly SqliteValue[]): string {
  const array = values.map((value) => {
    if (value === null) return "null";
    if (typeof value === "bigint") return String(value);
    if (typeof value === "string") return JSON.stringify(value);
    return typeof value === "number" ? '{"real":null}' : `{"blob":"${hexOf(value).toUpperCase()}"}`;
  });
  return `[${array.join(",")}]${realsText(values)}`;
}

/** Returns the bits of the floating-point numbers among values, as hex digits. */
export function realsText(values: readonly unknown[]): string {
  return values.filter((value) => typeof value === "number").map((value) => {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    return hexOf(new Uint8Array(bits.buffer));
  }).join("");
}

/** SQLite limits a function to 100 arguments in some builds, so a wide row is put together from several arrays. */
const mostArguments = 100;

function jsonArray(values: readonly string[]): string {
  if (values.length <= mostArguments) return `json_array(${values.join(", ")})`;
  const parts: string[] = [];
  for (let at = 0; at < values.length; at += mostArguments) {
    parts.push(`trim(json_array(${values.slice(at, at + mostArguments).join(", ")}), '[]')`);
  }
  return `'[' || ${parts.join(" || ',' || ")} || ']'`;
}

/**
 * A column of TEXT affinity turns numbers into text.
 *
 * Source: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
function mayHoldReal({ type }: RowColumn): boolean {
  return /INT/i.test(type) || !/CHAR|CLOB|TEXT/i.test(type);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
