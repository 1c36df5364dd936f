import { isGenerated } from "../../schema/generated.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";
import { markedTable } from "../../sql/own/schema.ts";
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
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  const references = ({ name }: Table) => outlooks.get(name)!.references.flatMap(({ table }) => table ?? []);
  const tables = inOrder(snapshot.tables, references);
  const withRows = await tablesWithRows(database, tables);
  /** Those whose rows are to be written together: nothing asks for them before. */
  let waiting: RowsSubject[] = [];
  const write = async () => {
    const put = await putTogether(database, snapshot, waiting);
    for (const [at, { done, reasons }] of put.entries()) {
      const { name } = waiting[at]!.table;
      if (done.length > 0) filled.push(name);
      // A trigger may have put some there meanwhile.
      else if ((await tablesWithRows(database, [waiting[at]!.table])).size === 0) {
        empty.push({ table: name, reason: reasons[0]! });
      }
    }
    waiting = [];
  };
  for (const table of tables) {
    if (withRows.has(table.name)) continue;
    const asked = references(table);
    if (waiting.some(({ table: { name } }) => asked.includes(name))) await write();
    waiting.push({ table, outlook: outlooks.get(table.name)!, numbers, full: [1] });
  }
  await write();
  return { filled, empty };
}

/** So many tables are asked for at once: a row has no more columns than that. */
const mostAtOnce = 1_000;

async function tablesWithRows(
  database: Database,
  tables: readonly Table[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let at = 0; at < tables.length; at += mostAtOnce) {
    const some = tables.slice(at, at + mostAtOnce);
    const asked = some.map(({ name }, place) => `EXISTS (SELECT 1 FROM ${markedTable(name)}) AS t${place}`);
    const [row] = await database.read<Readonly<Record<string, unknown>>>(
      sql.raw(`SELECT ${asked.join(", ")}`),
    );
    for (const [place, { name }] of some.entries()) if (row![`t${place}`]) found.add(name);
  }
  return found;
}

interface Subject {
  readonly table: Table;
  readonly outlook: Outlook;
}

type Values = ReadonlyMap<string, string>;

/** Rows to put into a table, by their numbers. */
export interface RowsSubject extends Subject {
  readonly numbers: readonly number[];
  /** Those that have a value wherever they may. */
  readonly full: readonly number[];
}

/** The rows of a table that are there, and why others are not. */
interface PutInTable {
  readonly done: readonly Values[];
  readonly reasons: readonly string[];
}

/** Puts rows into tables of which none refers to another, all at once; where the database refuses that, one by one. */
export async function putTogether(
  database: Database,
  snapshot: Snapshot,
  subjects: readonly RowsSubject[],
): Promise<readonly PutInTable[]> {
  const statementOf = (table: Table, made: Values) => sql.raw(insertRow(table, made, database.dialect));
  const together: PutInTable[] = [];
  for (const subject of subjects) {
    together.push(await makeRows(database, snapshot, { ...subject, put: () => Promise.resolve(null) }));
  }
  const statements = together.flatMap(({ done }, at) =>
    done.map((made) => statementOf(subjects[at]!.table, made))
  );
  if (await tryWrite(database, statements) === null) return together;
  const single: PutInTable[] = [];
  for (const subject of subjects) {
    const put = async (made: Values) => {
      const refusal = await tryWrite(database, [statementOf(subject.table, made)]);
      return refusal && `the database refuses the row that was made up: ${refusal}`;
    };
    single.push(await makeRows(database, snapshot, { ...subject, put }));
  }
  return single;
}

/** Makes rows, each of which may know those that were put before it. */
async function makeRows(
  database: Database,
  snapshot: Snapshot,
  { numbers, full, put, ...subject }: RowsSubject & {
    /** Returns why it is not there; `null` when it is, or will be. */
    readonly put: (made: Values) => Promise<string | null>;
  },
): Promise<PutInTable> {
  const reasons: string[] = [];
  const done: Values[] = [];
  for (const row of numbers) {
    const made = await makeRow(database, snapshot, { ...subject, row, done, isFull: full.includes(row) });
    const refusal = typeof made === "string" ? made : await put(made);
    if (refusal !== null) reasons.push(refusal);
    else done.push(made as Values);
  }
  return { done, reasons };
}

/** Writes what the database may refuse; returns in which words it does, `null` when it is written. */
export async function tryWrite(database: Database, statements: readonly SQL[]): Promise<string | null> {
  try {
    if (statements.length > 0) await database.write(statements.map(userStatement));
    return null;
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    return error.message;
  }
}

function isOfKey({ table, outlook }: Subject, column: string): boolean {
  return table.primaryKey.includes(column) || outlook.keys.includes(column);
}

/** A row to make. */
interface RowSubject extends Subject {
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
    const isKey = isOfKey(subject, column.name);
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
  const isKey = isOfKey({ table, outlook }, name);
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
  const isNullable = columns.some(({ notNull, name }) => !notNull && !isOfKey({ table, outlook }, name));
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
