import type { SQL } from "drizzle-orm";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import type { BesidePlace, ReadInside } from "../../database.ts";
import { compile, type SqliteStatement } from "../../connection/statement.ts";
import type { TableForm } from "../form/table.ts";
import type { DefinitionChange } from "./change.ts";
import { brokenQuery, type Demand } from "./demands.ts";
import { brokenDemand } from "./look.ts";
import type { NewReference } from "./references.ts";

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

/** A statement of the last transaction that looks at rows: where it changes one, the demand is not met. */
export interface Check extends SqliteStatement {
  readonly demand: Demand | null;
}

/** What else is in that transaction. */
export interface Closing {
  /** What is looked at first. */
  readonly checks: readonly Check[];
  /** What takes away what the change was made with. */
  readonly ending: readonly SqliteStatement[];
  readonly record: readonly SQL[];
}

/**
 * Changes the schema, and compares what SQLite then reads there.
 *
 * @throws {Moved}
 * @throws {HarborError} `dangling_reference`
 */
export async function swap(
  place: BesidePlace,
  change: DefinitionChange,
  { record, checks, ending }: Closing,
): Promise<void> {
  const statements = swapOf(change);
  const all = [...checks, ...statements, ...ending, ...record.map(compile)];
  await place.changeSchema(all, (read, changed) => {
    const broken = checks.find(({ demand }, at) => demand !== null && changed[at] !== 0);
    if (broken?.demand) throw brokenDemand(broken.demand, change);
    const isMoved = statements.some(({ isExpected }, at) => isExpected && changed[checks.length + at] !== 1);
    if (isMoved || !isTableAs(read, change.after)) throw new Moved();
    if (!change.references.every((reference) => isParentAs(read, reference))) throw new Moved();
  });
}

/** Whether what a foreign key refers to is what it was when that was found to be a key. */
function isParentAs(read: ReadInside, { table, parent, parentTexts }: NewReference): boolean {
  if (table === parent) return true;
  const rows = read<{ sql: string }>({
    text:
      "SELECT sql FROM sqlite_schema WHERE lower(tbl_name) = lower(?) AND type IN ('table', 'index') AND sql IS NOT NULL",
    values: [parent],
  });
  return rows.map(({ sql }) => sql).toSorted().join("\n") === parentTexts.toSorted().join("\n");
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
  const references = read({ text: `SELECT DISTINCT id FROM pragma_foreign_key_list(${of})`, values: [] });
  const isRead = references.length === after.references.length && columns.length === after.columns.length &&
    after.columns.every((column, place) => {
      const row = columns[place]!;
      return row.name === column.name && row.type === column.type && row.fallback === column.fallback &&
        (row.notnull !== 0) === column.isNotNull;
    }) &&
    unique.map(({ name }) => name).join("\n") ===
      after.indexes.filter(({ isUnique }) => isUnique).map(({ name }) => name).toSorted().join("\n");
  return isSchema && isRead;
}
