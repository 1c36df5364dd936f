import { quoteName } from "../../sql/quote.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";
import { type SqliteStatement, verbOf } from "./statement.ts";

/** A statement and its place in the batch as it was given; `null` for one that was added. */
export interface PlacedStatement extends SqliteStatement {
  readonly index: number | null;
}

/** A view, a trigger, or an index made on its own. */
export interface Dependent {
  readonly type: "view" | "trigger" | "index";
  readonly name: string;
  /** The table that a trigger or index hangs on. */
  readonly table: string;
  readonly sql: string;
}

/** Reads all {@link Dependent}s, in the order in which they were made. */
export const dependentsQuery: SqliteStatement = {
  text:
    `SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema WHERE type IN ('view', 'trigger', 'index') AND sql IS NOT NULL ORDER BY rowid`,
  values: [],
};

/**
 * Returns the tables that a batch rebuilds: it drops them and gives their name to another table, as drizzle-kit does
 * where SQLite has no `ALTER TABLE`. In lower case.
 */
export function rebuiltTables(statements: readonly SqliteStatement[]): readonly string[] {
  return rebuilds(statements).map((rebuild) => rebuild.table);
}

/**
 * Adds to a batch what lets views, triggers and indexes outlive a rebuild. SQLite drops a table's triggers and indexes
 * with it, and refuses to rename the new table as long as a view, or another table's trigger, names the one that is
 * gone. So they are dropped before the first rebuild and made again after the last, unless the batch sees to them
 * itself.
 *
 * Source: https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
 */
export function keepDependents(
  statements: readonly SqliteStatement[],
  dependents: readonly Dependent[],
): readonly PlacedStatement[] {
  const placed = statements.map((statement, index) => ({ ...statement, index }));
  const found = rebuilds(statements);
  if (found.length === 0) return placed;
  const tables = new Set(found.map((rebuild) => rebuild.table));
  const views = new Set(
    dependents.filter(({ type }) => type === "view").map(({ name }) => name.toLowerCase()),
  );
  const kept = dependents.filter((each) =>
    (isAffected(each, tables) || views.has(each.table.toLowerCase())) && !isNamed(each, statements)
  );
  const from = Math.min(...found.map((rebuild) => rebuild.from));
  const to = Math.max(...found.map((rebuild) => rebuild.to)) + 1;
  const drop = ({ type, name }: Dependent) => `DROP ${type.toUpperCase()} ${quoteName(name)}`;
  return [
    ...placed.slice(0, from),
    // What hangs on another comes after it, and so goes before it.
    ...kept.toReversed().map((each) => added(drop(each))),
    ...placed.slice(from, to),
    ...kept.map((each) => added(each.sql)),
    ...placed.slice(to),
  ];
}

interface Rebuild {
  readonly table: string;
  /** Where the old table is dropped. */
  readonly from: number;
  /** Where the new one gets its name. */
  readonly to: number;
}

function rebuilds(statements: readonly SqliteStatement[]): readonly Rebuild[] {
  const dropped = new Map<string, number>();
  return statements.flatMap((statement, index) => {
    const [verb, ...rest] = significant(statement, ["DROP", "ALTER"]);
    if (!isWord(rest[0], "TABLE")) return [];
    if (isWord(verb, "DROP")) {
      dropped.set(lowerName(rest[isWord(rest[1], "IF") ? 3 : 1]), index);
      return [];
    }
    const table = lowerName(rest.at(-1));
    const from = dropped.get(table);
    const isRename = isWord(rest.at(-2), "TO") && isWord(rest.at(-3), "RENAME");
    return isRename && from !== undefined ? [{ table, from, to: index }] : [];
  });
}

/** Every view counts: SQLite looks at all of them, and one may name a table by way of another. */
function isAffected({ type, table, sql }: Dependent, tables: ReadonlySet<string>): boolean {
  if (type === "index") return tables.has(table.toLowerCase());
  return type === "view" || tables.has(table.toLowerCase()) ||
    tokensOf(sql, "sqlite").some((token) => tables.has(lowerName(token)));
}

/** Whether the batch itself makes or drops it. */
function isNamed({ type, name }: Dependent, statements: readonly SqliteStatement[]): boolean {
  return statements.some((statement) => {
    const tokens = significant(statement, ["CREATE", "DROP"]).slice(0, 8);
    const kind = tokens.findIndex((token) => isWord(token, type.toUpperCase()));
    return kind > 0 && tokens.slice(kind).some((token) => lowerName(token) === name.toLowerCase());
  });
}

function significant({ text }: SqliteStatement, verbs: readonly string[]): readonly Token[] {
  if (!verbs.includes(verbOf(text))) return [];
  return tokensOf(text, "sqlite").filter((token) => token.text !== ";");
}

function lowerName(token: Token | undefined): string {
  return (nameOf(token) ?? "").toLowerCase();
}

function added(text: string): PlacedStatement {
  return { text, values: [], index: null };
}
