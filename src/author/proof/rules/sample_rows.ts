import type { Dialect } from "../../../base/dialect.ts";
import { isGenerated } from "../../../schema/generated.ts";
import type { Column, Table } from "../../../schema/snapshot.ts";
import { markedTable } from "../../../sql/own/schema.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";

/** How many rows each table gets: one with all values, one with NULL wherever it may be. */
export const rowCount = 2;

/** A column of PostgreSQL's that is GENERATED ALWAYS AS IDENTITY takes no number otherwise. */
const overridings: Readonly<Record<Dialect, string>> = {
  sqlite: "",
  postgresql: "OVERRIDING SYSTEM VALUE ",
};

/** Returns the statement that puts a row into a table, whose name is marked. */
export function insertRow(table: Table, values: ReadonlyMap<string, string>, dialect: Dialect): string {
  const columns = table.columns.filter((column) => !isGenerated(column));
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const list = columns.map(({ name }) => values.get(name) ?? "NULL").join(", ");
  return `INSERT INTO ${markedTable(table.name)} (${names}) ${overridings[dialect]}VALUES (${list})`;
}

/**
 * Puts a table after those that it refers to, as far as they do not refer to each other.
 *
 * @param references The tables that a table refers to
 */
export function inOrder(
  tables: readonly Table[],
  references: (table: Table) => readonly string[],
): readonly Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const depth = (table: Table, above: readonly string[]): number =>
    Math.max(
      0,
      ...references(table).filter((name) => !above.includes(name)).map((name) =>
        1 + depth(byName.get(name) ?? table, [...above, name])
      ),
    );
  return tables.toSorted((a, b) => depth(a, [a.name]) - depth(b, [b.name]));
}

/** The types, in upper case, that hold numbers. */
export const numberType = /^(?!.*(?:POINT|INTERVAL|RANGE)).*INT|NUMERIC|DECIMAL|REAL|DOUBLE|FLOAT/;

/** The types that hold texts, however they are written. */
const textType = /CHAR|TEXT|CLOB/i;

const kinds: readonly (readonly [RegExp, (row: number, length: number) => string])[] = [
  // An array of whatever type may be empty.
  [/\[/, () => "'{}'"],
  // A range of whatever type may be.
  [/RANGE/, () => "'empty'"],
  [/^TIME\b/, (row) => `'12:00:0${row}'`],
  [/^DATE$/, (row) => `'2025-01-0${row}'`],
  [textType, (row, length) => `'${`row ${row}`.slice(-length)}'`],
  [numberType, (row) => String(row)],
  [/BOOL/, (row) => row === 1 ? "TRUE" : "FALSE"],
  [/TIME|DATE/, (row) => `'2025-01-0${row} 12:00:00'`],
  [/UUID/, (row) => `'00000000-0000-4000-8000-00000000000${row}'`],
  [/JSON/, () => "'{}'"],
  [/BLOB|BYTEA/, (row) => `'${row}'`],
  [/^INTERVAL/, (row) => `'${row} days'`],
  [/^(?:INET|CIDR)/, (row) => `'10.0.0.${row}/32'`],
  [/^MACADDR/, (row) => `'08:00:2b:01:02:0${row}'`],
  [/^POINT/, (row) => `'(${row},0)'`],
];

/** What a column may hold, as far as its type says it. */
export type ColumnType = Pick<Column, "type" | "values">;

/** Which row a value is for, and the types that its column has in turn. */
export interface ValuePlace {
  readonly row: number;
  readonly types: readonly ColumnType[];
}

/**
 * Returns the value of a column in a row, as an SQL literal; `null` for a type of which nothing is known. Keys are 1,
 * 2, … and a text that becomes another type is one of that type.
 */
export function valueOf(column: Column, { row, types }: ValuePlace): string | null {
  const later = types.at(-1)?.type ?? column.type;
  const length = shortest([column, ...types]);
  const made = (type: string) =>
    kinds.find(([pattern]) => pattern.test(type.toUpperCase()))?.[1](row, length);
  const own = made(column.type) ?? null;
  const allowed = allowedIn([column, ...types]);
  if (allowed.length > 0 && (column.values !== undefined || own?.startsWith("'"))) {
    const value = allowed[(row - 1) % allowed.length]!;
    return quoteText([column, ...types].some(({ type }) => type.endsWith("]")) ? arrayOf(value) : value);
  }
  const future = made(later);
  if (future === undefined || later === column.type) return own;
  // What else is written in quotes is of its own form, which a text may have, too.
  const isNumber = /^JSON/i.test(column.type) && !future.startsWith("'");
  if (!isNumber && !textType.test(column.type)) return own;
  // What does not fit at first can be nothing later.
  const value = isNumber ? future.toLowerCase() : future.replaceAll("'", "");
  return value.length > length ? null : `'${value}'`;
}

/** Returns the text of PostgreSQL's array of a value. */
export function arrayOf(value: string): string {
  return `{"${value.replaceAll(/["\\]/g, "\\$&")}"}`;
}

/** Returns the values that all of the enum types among some have, and the others room for; none when there is no enum type. */
export function allowedIn(types: readonly ColumnType[]): readonly string[] {
  const [first = [], ...others] = types.flatMap(({ values }) => values === undefined ? [] : [values]);
  const most = Math.min(...types.map(({ type }) => lengthOf(type) ?? Infinity));
  return first.filter((value) => value.length <= most && others.every((list) => list.includes(value)));
}

/** Returns the most characters that all of the types hold. */
export function shortest(types: readonly ColumnType[]): number {
  return Math.min(...types.map(({ type }) => lengthOf(type) ?? 40));
}

function lengthOf(type: string): number | null {
  const length = /CHAR.*\((\d+)\)/i.exec(type)?.[1];
  return length === undefined ? null : Number(length);
}
