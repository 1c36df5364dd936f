import { sql } from "drizzle-orm";
import type { Dialect } from "../../../src/base/dialect.ts";
import { isGenerated } from "../../../src/schema/generated.ts";
import { putRows } from "../../../src/author/proof/put_rows.ts";
import type { Outlook } from "../../../src/author/proof/rules/outlook.ts";
import { numberType, rowCount } from "../../../src/author/proof/rules/sample_rows.ts";
import type { Database } from "../../../src/engines/database.ts";
import { userStatement } from "../../../src/engines/statement_names.ts";
import type { Column, Snapshot, Table } from "../../../src/schema/snapshot.ts";
import { markedTable } from "../../../src/sql/own/schema.ts";
import { quoteName } from "../../../src/sql/quote.ts";

/**
 * Fills the empty tables of a database with rows that are like one with all values or like one with as many NULLs as may be, in
 * turn, but for what may be there once only.
 *
 * @param outlooks What the rows are to live on through
 * @param count How many a table gets
 */
export async function fillTables(
  database: Database,
  snapshot: Snapshot,
  { outlooks, count }: { readonly outlooks: ReadonlyMap<string, Outlook>; readonly count: number },
): Promise<void> {
  const { dialect } = database;
  const { filled } = await putRows(database, snapshot, outlooks);
  for (const name of filled) {
    const table = snapshot.tables.find((each) => each.name === name)!;
    const text = moreRows(table, { outlook: outlooks.get(name)!, count, dialect });
    await database.write([userStatement(sql.raw(text))]);
  }
  // What a server does in its own time, it would do beside one run and not the other. What it has not counted yet when it vacuums, it
  // counts as written since, and autovacuum comes.
  if (dialect === "postgresql") {
    await database.write([sql`SELECT pg_stat_force_next_flush()`]);
    await database.write([sql`VACUUM ANALYZE`, sql`CHECKPOINT`], "alone");
  }
}

interface Wanted {
  readonly outlook: Outlook;
  readonly count: number;
  readonly dialect: Dialect;
}

/** Rows that are refused, since what is there once only cannot be numbered, are left out. */
const leniencies: Readonly<Record<Dialect, readonly [start: string, end: string]>> = {
  sqlite: ["INSERT OR IGNORE INTO", "WHERE true"],
  postgresql: ["INSERT INTO", "ON CONFLICT DO NOTHING"],
};

function moreRows(table: Table, { outlook, count, dialect }: Wanted): string {
  const columns = table.columns.filter((column) => !isGenerated(column));
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const once = new Set([...table.primaryKey, ...outlook.uniques.flat()]);
  // So may NULL be there once only, and an expression, which is no list of columns.
  const values = columns.map((column) =>
    once.has(column.name)
      ? numbered(column, `coalesce(CAST(${one(column)} AS TEXT), 'row 1')`, dialect)
      : isFreeText(column, outlook)
      ? numbered(column, `CAST(${one(column)} AS TEXT)`, dialect)
      : one(column)
  );
  const [start, end] = leniencies[dialect];
  const own = markedTable(table.name);
  return [
    `${start} ${own} (${names})`,
    ...dialect === "postgresql" ? ["OVERRIDING SYSTEM VALUE"] : [],
    `WITH RECURSIVE n(i) AS (SELECT ${rowCount + 1} UNION ALL SELECT i + 1 FROM n WHERE i < ${count}),`,
    `pattern AS (SELECT *, row_number() OVER () AS place FROM ${own} LIMIT ${rowCount})`,
    `SELECT ${values.join(", ")} FROM n`,
    "JOIN pattern ON pattern.place = n.i % (SELECT count(*) FROM pattern) + 1",
    end,
  ].join(" ");
}

/** Whether any text will do, now and later. */
function isFreeText({ name, type }: Column, { checks, references, types }: Outlook): boolean {
  const isBound = [...checks, ...references].some(({ columns }) => columns.includes(name));
  return !isBound && [type, ...(types.get(name) ?? []).map((later) => later.type)]
    .every((each) => each.toUpperCase() === "TEXT");
}

function one({ name }: Column): string {
  return `pattern.${quoteName(name)}`;
}

/** Puts the number of a row in the place of its pattern's at the end of its value. */
function numbered(column: Column, text: string, dialect: Dialect): string {
  const type = column.type.toUpperCase();
  if (column.values === undefined && numberType.test(type)) return "n.i";
  if (column.values !== undefined || !/CHAR|TEXT|UUID/.test(type)) return one(column);
  const digits = "CAST(n.i AS TEXT)";
  const cut = type.includes("UUID") || type.includes("36") ? `length(${digits})` : "1";
  const value = `substr(${text}, 1, length(${text}) - ${cut}) || ${digits}`;
  return dialect === "postgresql" ? `CAST(${value} AS ${column.type})` : value;
}
