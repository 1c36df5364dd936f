import type { Dialect } from "../../base/dialect.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";

/** How many rows each table gets: one with all values, one with NULL wherever it may be. */
const rowCount = 2;

/** INSERT statements for one table. */
export interface SampleRows {
  readonly table: string;
  readonly statements: readonly string[];
}

/** A column of PostgreSQL's that is GENERATED ALWAYS AS IDENTITY takes no number otherwise. */
const overridings: Readonly<Record<Dialect, string>> = {
  sqlite: "",
  postgresql: "OVERRIDING SYSTEM VALUE ",
};

/**
 * Returns the statements that put a few rows into every table, table by table, with what others refer to first. Keys
 * are 1, 2, … and so are references. A table with a column that nothing is known to fit is left out.
 *
 * @param next The schema that the rows are to live on in: a check that it adds holds for them already, and a text that
 * becomes another type is one of that type
 */
export function sampleRows(snapshot: Snapshot, next: Snapshot = snapshot): readonly SampleRows[] {
  const overriding = overridings[snapshot.dialect];
  return inOrder(snapshot.tables).flatMap((plain) => {
    const later = next.tables.find(({ name }) => name === plain.name);
    const table = { ...plain, checks: [...later?.checks ?? [], ...plain.checks] };
    const columns = new Map(later?.columns.map((column) => [column.name, column]));
    const rows = Array.from(
      { length: rowCount },
      (_, index) => rowOf(table, { row: index + 1, overriding }, columns),
    );
    const statements = rows.filter((row) => row !== null);
    return statements.length < rowCount ? [] : [{ table: table.name, statements }];
  });
}

/** Puts a table after those that it refers to, as far as they do not refer to each other. */
function inOrder(tables: readonly Table[]): readonly Table[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const depth = (table: Table, above: readonly string[]): number =>
    Math.max(
      0,
      ...table.foreignKeys.filter((key) => !above.includes(key.table)).map((key) =>
        1 + depth(byName.get(key.table) ?? table, [...above, key.table])
      ),
    );
  return tables.toSorted((a, b) => depth(a, [a.name]) - depth(b, [b.name]));
}

type LaterColumns = ReadonlyMap<string, Column>;

function rowOf(
  table: Table,
  { row, overriding }: { readonly row: number; readonly overriding: string },
  laterColumns: LaterColumns,
): string | null {
  // Nobody writes into what is made of other columns.
  const columns = table.columns.filter((column) => !column.default?.startsWith("GENERATED "));
  const values = columns.map((column) => {
    const isKey = table.primaryKey.includes(column.name);
    if (row > 1 && !column.notNull && !isKey) return "NULL";
    const later = laterColumns.get(column.name) ?? column;
    return valueOf(column, table, { row, later }) ?? (column.notNull ? null : "NULL");
  });
  if (values.includes(null)) return null;
  const names = columns.map((column) => `"${column.name}"`).join(", ");
  return `INSERT INTO "${table.name}" (${names}) ${overriding}VALUES (${values.join(", ")})`;
}

const kinds: readonly (readonly [RegExp, (row: number, length: number) => string])[] = [
  // An array of whatever type may be empty.
  [/\[/, () => "'{}'"],
  [/^TIME\b/, (row) => `'12:00:0${row}'`],
  [/^DATE$/, (row) => `'2025-01-0${row}'`],
  [/CHAR|TEXT|CLOB/, (row, length) => `'${`row ${row}`.slice(-length)}'`],
  [/^(?!.*(?:POINT|INTERVAL|RANGE)).*INT|NUMERIC|DECIMAL|REAL|DOUBLE|FLOAT/, (row) => String(row)],
  [/BOOL/, (row) => row === 1 ? "TRUE" : "FALSE"],
  [/TIME|DATE/, (row) => `'2025-01-0${row} 12:00:00'`],
  [/UUID/, (row) => `'00000000-0000-4000-8000-00000000000${row}'`],
  [/JSON/, () => "'{}'"],
  [/BLOB|BYTEA/, (row) => `'${row}'`],
];

function valueOf(
  column: Column,
  table: Table,
  { row, later: { type: later, values } }: { readonly row: number; readonly later: Column },
): string | null {
  const ofType = column.values?.filter((value) => values?.includes(value) ?? true) ?? [];
  if (ofType.length > 0) return `'${ofType[(row - 1) % ofType.length]!.replaceAll("'", "''")}'`;
  const lists = table.checks.filter(({ expression }) => expression.includes(column.name))
    .map(({ expression }): readonly string[] => expression.match(/'(?:[^']|'')*'/g) ?? []);
  const allowed = (lists[0] ?? []).filter((value) => lists.every((list) => list.includes(value)));
  if (allowed.length > 0) return allowed[(row - 1) % allowed.length]!;
  const lengths = [column.type, later].map((type) => Number(/\((\d+)\)/.exec(type)?.[1] ?? 40));
  const length = Math.min(...lengths);
  const made = (type: string) =>
    kinds.find(([pattern]) => pattern.test(type.toUpperCase()))?.[1](row, length);
  const own = made(column.type) ?? null;
  const future = made(later);
  if (future === undefined || !own?.startsWith("'") || later === column.type) return own;
  return `'${future.replaceAll("'", "")}'`;
}
