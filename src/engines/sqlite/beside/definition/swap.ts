import type { SQL } from "drizzle-orm";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import type { BesidePlace, ReadInside } from "../../database.ts";
import { compile, type SqliteStatement } from "../../connection/statement.ts";
import type { TableForm } from "../form/table.ts";
import type { DefinitionChange } from "./change.ts";
import { brokenQuery, type Demand } from "./demands.ts";

/** Somebody changed the schema of the table since it was read. */
export class Moved extends Error {}

/** Returns the query that fails with what a row breaks: only in a trigger may it say so itself. */
export function refusal(table: TableForm, demands: readonly Demand[]): string {
  const words = demands.map(({ message }, place) => `WHEN ${place} THEN ${quoteText(message)}`).join(" ");
  return `SELECT json_extract('{}', CASE demand ${words} END) FROM (${brokenQuery(table, demands, "TRUE")})`;
}

/** Returns the statements that change the schema. Each text is changed only where the one before it stands. */
export function swapOf(
  { before, after, guards, indexes }: DefinitionChange,
): readonly (SqliteStatement & { readonly isExpected: boolean })[] {
  const own = (text: string) => ({ text, values: [], isExpected: false });
  const become = (type: string, { name, from, to }: { name: string; from: string; to: string }) => ({
    text: `UPDATE sqlite_schema SET sql = ${quoteText(to)} WHERE type = '${type}' AND name = ${
      quoteText(name)
    } AND sql = ${quoteText(from)}`,
    values: [],
    isExpected: true,
  });
  return [
    own("PRAGMA writable_schema = ON"),
    become("table", { name: after.name, from: before.sql, to: after.sql }),
    ...indexes.kept.map((index) => become("index", index)),
    // What drops a trigger tells every connection, this one's program included, to read the schema again.
    ...guards.map(({ name }) => own(`DROP TRIGGER ${quoteName(name)}`)),
    own("PRAGMA writable_schema = RESET"),
    ...indexes.dropped.map((name) => own(`DROP INDEX ${quoteName(name)}`)),
    ...indexes.made.map(({ statement }) => own(statement)),
  ];
}

/**
 * Changes the schema, and compares what SQLite then reads there.
 *
 * @throws {Moved}
 */
export async function swap(
  place: BesidePlace,
  change: DefinitionChange,
  record: readonly SQL[],
): Promise<void> {
  const statements = swapOf(change);
  await place.changeSchema([...statements, ...record.map(compile)], (read, changed) => {
    if (statements.some(({ isExpected }, at) => isExpected && changed[at] !== 1)) throw new Moved();
    if (!isTableAs(read, change.after)) throw new Moved();
  });
}

/** Whether a table is the one that the script would leave, asked before that is committed. */
export function isTableAs(read: ReadInside, after: TableForm): boolean {
  const of = quoteText(after.name);
  const rows = read<{ type: string; name: string; sql: string }>({
    text:
      `SELECT type, name, sql FROM sqlite_schema WHERE lower(tbl_name) = lower(${of}) AND type IN ('table', 'index') AND sql IS NOT NULL`,
    values: [],
  });
  const wanted = new Map([
    [`table ${after.name}`, after.sql],
    ...after.indexes.map(({ name, sql }) => [`index ${name}`, sql] as const),
  ]);
  const isSchema = rows.length === wanted.size &&
    rows.every(({ type, name, sql }) => wanted.get(`${type} ${name}`) === sql);
  // What SQLite made of the text, which shows that it read it.
  const columns = read<{ name: string; type: string; notnull: number; fallback: string | null }>({
    text: `SELECT name, type, "notnull", dflt_value AS fallback FROM pragma_table_xinfo(${of}) ORDER BY cid`,
    values: [],
  });
  const unique = read<{ name: string }>({
    text: `SELECT name FROM pragma_index_list(${of}) WHERE "unique" AND origin = 'c' ORDER BY name`,
    values: [],
  });
  const isRead = columns.length === after.columns.length &&
    after.columns.every((column, place) => {
      const row = columns[place]!;
      return row.name === column.name && row.type === column.type && row.fallback === column.fallback &&
        (row.notnull !== 0) === column.isNotNull;
    }) &&
    unique.map(({ name }) => name).join("\n") ===
      after.indexes.filter(({ isUnique }) => isUnique).map(({ name }) => name).toSorted().join("\n");
  return isSchema && isRead;
}
