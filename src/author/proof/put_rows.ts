import { isGenerated } from "../../schema/generated.ts";
import { sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";
import { quoteText } from "../../sql/quote.ts";
import { hostTable } from "../../sql/table_names.ts";
import { candidatesOf, knotsOf, type Unknown, valuesQuery } from "./rules/check_values.ts";
import type { Outlook, Reference } from "./rules/outlook.ts";
import { inOrder, insertRow, rowCount, valueOf } from "./rules/sample_rows.ts";

/** A table into which no row could be put. */
export interface EmptyTable {
  readonly table: string;
  /** Why, as the end of a sentence: `no value is known for the column area, which is polygon`. */
  readonly reason: string;
}

/** What came of putting rows into tables. */
export interface PutRows {
  /** The tables that got some, those that others refer to first. */
  readonly filled: readonly string[];
  readonly empty: readonly EmptyTable[];
}

/**
 * Puts a few rows into the empty tables of a database, so that a script that only works without rows shows.
 *
 * @param outlooks What the rows are to live on through
 * @param count How many a table gets
 */
export async function putRows(
  database: Database,
  snapshot: Snapshot,
  outlooks: ReadonlyMap<string, Outlook>,
  count: number = rowCount,
): Promise<PutRows> {
  const filled: string[] = [];
  const empty: EmptyTable[] = [];
  const references = ({ name }: Table) => outlooks.get(name)!.references.flatMap(({ table }) => table ?? []);
  for (const table of inOrder(snapshot.tables, references)) {
    if (await hasRows(database, table.name)) continue;
    const reason = await fill(database, snapshot, { table, outlook: outlooks.get(table.name)!, count });
    if (reason === null) filled.push(table.name);
    else empty.push({ table: table.name, reason });
  }
  return { filled, empty };
}

async function hasRows(database: Database, table: string): Promise<boolean> {
  return (await database.read(sql`SELECT 1 AS found FROM ${ownTable(table)} LIMIT 1`)).length > 0;
}

interface Subject {
  readonly table: Table;
  readonly outlook: Outlook;
}

type Values = ReadonlyMap<string, string>;

/** Puts rows into a table; returns why none could be, `null` when one is there. */
async function fill(
  database: Database,
  snapshot: Snapshot,
  { count, ...subject }: Subject & { readonly count: number },
): Promise<string | null> {
  const reasons: string[] = [];
  const done: Values[] = [];
  for (let row = 1; row <= count; row++) {
    const put = await putRow(database, snapshot, { ...subject, row, done, isFull: row === 1 });
    if (typeof put === "string") reasons.push(put);
    else done.push(put);
  }
  return done.length > 0 ? null : reasons[0]!;
}

/** Puts a row into a table; returns its values, or why it could not be. */
export async function putRow(
  database: Database,
  snapshot: Snapshot,
  subject: RowSubject,
): Promise<Values | string> {
  const made = await makeRow(database, snapshot, subject);
  if (typeof made === "string") return made;
  try {
    await database.write([userStatement(sql.raw(insertRow(subject.table, made, database.dialect)))]);
    return made;
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    return `the database refuses the row that was made up: ${error.message}`;
  }
}

/** A row to make. */
export interface RowSubject extends Subject {
  readonly row: number;
  /** The rows before it. */
  readonly done: readonly Values[];
  /** Whether it has a value wherever it may. */
  readonly isFull: boolean;
}

/** Returns the values of a row, or why there are none. */
async function makeRow(
  database: Database,
  snapshot: Snapshot,
  subject: RowSubject,
): Promise<Values | string> {
  const { table, outlook, row, isFull } = subject;
  const { dialect } = database;
  const values = new Map<string, string>();
  for (const reference of outlook.references) {
    const found = await valuesOfReference(database, snapshot, { ...subject, reference });
    if (typeof found === "string") return found;
    found.forEach((value, column) => values.set(column, value));
  }
  // What is made of other columns has no value until the row is there.
  const made = table.columns.filter(isGenerated).map(({ name }) => name);
  // One that looks at no column is as it is, whatever the row.
  const checks = outlook.checks.filter(({ columns }) =>
    columns.length > 0 && columns.every((name) => !made.includes(name))
  );
  for (const { columns, conditions } of knotsOf(checks)) {
    const unknowns = columns.map((name): Unknown => {
      const column = table.columns.find((each) => each.name === name)!;
      return {
        column,
        candidates: candidates(column, { ...subject, conditions, given: values.get(name), dialect }),
      };
    });
    const found = await solve(database, unknowns, conditions);
    if (found === null) return `no row that was made up satisfies ${conditions.join(" and ")}`;
    found.forEach((value, column) => values.set(column, value));
  }
  for (const column of table.columns.filter(({ name }) => !values.has(name) && !made.includes(name))) {
    const isKey = table.primaryKey.includes(column.name);
    const types = outlook.types.get(column.name) ?? [];
    const isLeftOut = !isFull && !column.notNull && !isKey;
    const value = isLeftOut ? "NULL" : valueOf(column, { row, types }) ?? (column.notNull ? null : "NULL");
    if (value === null) return `no value is known for the column ${column.name}, which is ${column.type}`;
    values.set(column.name, value);
  }
  return values;
}

function candidates(
  column: Column,
  { table, outlook, row, done, conditions, given, dialect }: RowSubject & {
    readonly conditions: readonly string[];
    /** What it has to be, because it refers to something. */
    readonly given: string | undefined;
    readonly dialect: Dialect;
  },
): readonly string[] {
  const { name } = column;
  if (given !== undefined) return [given];
  const isKey = table.primaryKey.includes(name);
  const isOnce = outlook.uniques.some((columns) => columns.length === 1 && columns[0] === name);
  const taken = isOnce ? done.map((values) => values.get(name)).filter((value) => value !== "NULL") : [];
  const place = { row, types: outlook.types.get(name) ?? [] };
  const found = candidatesOf(isKey ? { ...column, notNull: true } : column, place, {
    expressions: conditions,
    dialect,
  });
  return found.filter((value) => !taken.includes(value));
}

/** Asks the database for values that satisfy conditions; `null` when there are none among those that were thought of. */
async function solve(
  database: Database,
  unknowns: readonly Unknown[],
  conditions: readonly string[],
): Promise<Values | null> {
  if (unknowns.some(({ candidates }) => candidates.length === 0)) return null;
  try {
    const query = valuesQuery(unknowns, conditions, database.dialect);
    const [row] = await database.read<Readonly<Record<string, unknown>>>(userStatement(sql.raw(query)));
    if (row === undefined) return null;
    return new Map(
      unknowns.map(({ column, candidates }, place) => [column.name, candidates[Number(row[`n${place}`])]!]),
    );
  } catch (error) {
    // A condition that cannot be asked on its own, such as one that reads the row as a whole.
    if (error instanceof HarborError && error.code === "statement_failed") return null;
    throw error;
  }
}

/** Returns values that refer to a row that is there, or why there are none. */
async function valuesOfReference(
  database: Database,
  { tables, dialect }: Snapshot,
  { table, row, isFull, reference, outlook }: RowSubject & { readonly reference: Reference },
): Promise<Values | string> {
  const columns = reference.columns.map((name) => table.columns.find((column) => column.name === name)!);
  const isNullable = columns.some((column) => !column.notNull && !table.primaryKey.includes(column.name));
  const nothing = new Map(columns.filter(({ notNull }) => !notNull).map(({ name }) => [name, "NULL"]));
  if (!isFull && isNullable) return nothing;
  if (reference.table === null) return isNullable ? nothing : new Map();
  if (reference.table === table.name) {
    // A row that refers to itself.
    return new Map(reference.references.flatMap((name, place) => {
      const own = table.columns.find((column) => column.name === name);
      const value = own && valueOf(own, { row, types: outlook.types.get(name) ?? [] });
      return value ? [[columns[place]!.name, value] as const] : [];
    }));
  }
  const parent = tables.find(({ name }) => name === reference.table);
  const names = sql.join(reference.references.map((name) => sql`${sql.identifier(name)}`), sql`, `);
  const given = sql.join(
    reference.references.map((name) => sql`${sql.identifier(name)} IS NOT NULL`),
    sql` AND `,
  );
  const host = parent === undefined ? hostTable(reference.table) : null;
  const from = parent !== undefined
    ? ownTable(parent.name)
    : host && sql`${sql.identifier(host.schema)}.${sql.identifier(host.bare)}`;
  const rows = from === null ? [] : await database.read<Readonly<Record<string, unknown>>>(
    sql`SELECT ${names} FROM ${from} WHERE ${given} ORDER BY ${names} LIMIT ${rowCount}`,
  );
  const found = rows[(row - 1) % Math.max(1, rows.length)];
  if (found === undefined) {
    return isNullable ? nothing : `it refers to ${reference.table}, which has no rows`;
  }
  return new Map(
    reference.references.map((name, place) => [columns[place]!.name, literal(found[name], dialect)]),
  );
}

const bytesLiterals: Readonly<Record<Dialect, (hex: string) => string>> = {
  sqlite: (hex) => `X'${hex}'`,
  postgresql: (hex) => `'\\x${hex}'`,
};

/** Returns a value that was read as a literal. */
export function literal(value: unknown, dialect: Dialect): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return String(value);
  }
  if (value instanceof Uint8Array) {
    return bytesLiterals[dialect]([...value].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return quoteText(value instanceof Date ? value.toISOString() : String(value));
}
