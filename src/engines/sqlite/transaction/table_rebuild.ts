import { foldName } from "../../../base/fold_name.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { onceFor } from "../../../base/once_for.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { carryWords, columnNames, isAutoincrement } from "../rebuild/carried_words.ts";
import { type SqliteStatement, verbOf } from "../connection/statement.ts";

/** A statement and its place in the batch as it was given; `null` for one that was added. */
export interface PlacedStatement extends SqliteStatement {
  readonly index: number | null;
}

/** A view, a trigger, or an index made on its own; or a table as it is, for what its copy is to take along. */
export interface Dependent {
  readonly type: "view" | "trigger" | "index" | "table";
  readonly name: string;
  /** The table that a trigger or index hangs on. */
  readonly table: string;
  readonly sql: string;
}

/** Reads all {@link Dependent}s, in the order in which they were made. */
export const dependentsQuery: SqliteStatement = {
  text:
    `SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema WHERE type IN ('view', 'trigger', 'index', 'table') AND sql IS NOT NULL ORDER BY rowid`,
  values: [],
};

/**
 * Adds to a batch what lets views, triggers and indexes outlive a rebuild: that it drops a table and gives its name to
 * another one, as drizzle-kit does where SQLite has no `ALTER TABLE`. SQLite drops a table's triggers and indexes
 * with it, and refuses to rename the new table as long as a view, or another table's trigger, names the one that is
 * gone. So they are dropped before the first rebuild and made again after the last, unless the batch sees to them
 * itself. The new table also gets what the old one's text says of its columns and no snapshot has.
 *
 * Source: https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
 */
export function keepDependents(
  statements: readonly SqliteStatement[],
  dependents: readonly Dependent[],
): readonly PlacedStatement[] {
  const found = rebuilds(statements);
  const tables = dependents.filter(({ type }) => type === "table");
  const placed = statements.map((statement, index) => ({
    ...statement,
    text: carried(statement.text, { rebuild: found.find((each) => each.made === index), statements, tables }),
    index,
  }));
  if (found.length === 0) return placed;
  const rebuilt = new Set(found.map((rebuild) => rebuild.table));
  const views = new Set(
    dependents.filter(({ type }) => type === "view").map(({ name }) => foldName(name)),
  );
  const kept = dependents.filter((each) =>
    each.type !== "table" && (isAffected(each, rebuilt) || views.has(foldName(each.table))) &&
    !isNamed(each, statements)
  ).flatMap((each): readonly Dependent[] => {
    if (each.type !== "index") return [each];
    const rebuild = found.find(({ table }) => table === foldName(each.table));
    const sql = indexAfter(each.sql, columnChanges(rebuild, statements, tables));
    return sql === null ? [] : [{ ...each, sql }];
  });
  const from = Math.min(...found.map((rebuild) => rebuild.from));
  const to = Math.max(...found.map((rebuild) => rebuild.to)) + 1;
  const drop = ({ type, name }: Dependent) => `DROP ${type.toUpperCase()} ${quoteName(name)}`;
  return [
    ...placed.slice(0, from),
    // What hangs on another comes after it, and so goes before it.
    ...kept.toReversed().map((each) => added(drop(each))),
    ...placed.slice(from, to).flatMap((statement) => [
      ...numbers(found.find((each) => each.from === statement.index), tables),
      statement,
    ]),
    ...kept.map((each) => added(each.sql)),
    ...placed.slice(to),
  ];
}

/** Returns a statement with what the table that it copies has of its own. */
function carried(
  text: string,
  { rebuild, statements, tables }: {
    readonly rebuild: Rebuild | undefined;
    readonly statements: readonly SqliteStatement[];
    readonly tables: readonly Dependent[];
  },
): string {
  const original = tables.find(({ name }) => foldName(name) === rebuild?.table);
  if (rebuild === undefined || original === undefined) return text;
  return carryWords(text, original.sql, renamedColumns(statements, rebuild));
}

/** Returns the names that a table's columns get before it is rebuilt, by the old one. */
function renamedColumns(
  statements: readonly SqliteStatement[],
  { table, made }: Rebuild,
): ReadonlyMap<string, string> {
  return new Map(statements.slice(0, made).flatMap((statement) => renamedColumn(statement, table)));
}

/** Lets AUTOINCREMENT go on where it had come to, which the rows alone do not tell. */
function numbers(rebuild: Rebuild | undefined, tables: readonly Dependent[]): readonly PlacedStatement[] {
  const original = tables.find(({ name }) => foldName(name) === rebuild?.table);
  if (rebuild === undefined || original === undefined || !isAutoincrement(original.sql)) return [];
  const [copy, old] = [quoteText(rebuild.copy), quoteText(original.name)];
  return [
    added(`DELETE FROM sqlite_sequence WHERE name = ${copy}`),
    added(
      `INSERT INTO sqlite_sequence (name, seq) SELECT ${copy}, seq FROM sqlite_sequence WHERE name = ${old}`,
    ),
  ];
}

/** `ALTER TABLE t RENAME COLUMN a TO b`: both names, in lower case. */
function renamedColumn(statement: SqliteStatement, table: string): readonly (readonly [string, string])[] {
  const [, , name, rename, ...rest] = significant(statement, ["ALTER"]);
  const [from, to, becomes, ...more] = isWord(rest[0], "COLUMN") ? rest.slice(1) : rest;
  const isColumn = lowerName(name) === table && isWord(rename, "RENAME") && isWord(to, "TO") &&
    more.length === 0;
  return isColumn ? [[lowerName(from), lowerName(becomes)]] : [];
}

interface Rebuild {
  readonly table: string;
  /** The name of the new table until it gets the old one's. */
  readonly copy: string;
  /** Where the new table is made; -1 when the batch does not make it. */
  readonly made: number;
  /** Where the old table is dropped. */
  readonly from: number;
  /** Where the new one gets its name. */
  readonly to: number;
}

function rebuilds(statements: readonly SqliteStatement[]): readonly Rebuild[] {
  const dropped = new Map<string, number>();
  let makers: ReadonlyMap<string, number> | undefined;
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
    if (!isRename || from === undefined) return [];
    const copy = nameOf(rest[1]) ?? "";
    makers ??= firstMakers(statements);
    const made = makers.get(foldName(copy)) ?? -1;
    return [{ table, copy, made, from, to: index }];
  });
}

/** Returns where each table is made first. */
function firstMakers(statements: readonly SqliteStatement[]): ReadonlyMap<string, number> {
  const makers = new Map<string, number>();
  for (const [index, statement] of statements.entries()) {
    const [, word, made] = significant(statement, ["CREATE"]);
    if (isWord(word, "TABLE") && !makers.has(lowerName(made))) makers.set(lowerName(made), index);
  }
  return makers;
}

/** Every view counts: SQLite looks at all of them, and one may name a table by way of another. */
function isAffected({ type, table, sql }: Dependent, tables: ReadonlySet<string>): boolean {
  if (type === "index") return tables.has(foldName(table));
  return type === "view" || tables.has(foldName(table)) ||
    tokensOf(sql, "sqlite").some((token) => tables.has(lowerName(token)));
}

/** What a rebuild does to the columns of its table. */
interface ColumnChanges {
  /** Those that the new table is made without. */
  readonly gone: ReadonlySet<string>;
  /** Names that columns get before, by the old one. */
  readonly renamed: ReadonlyMap<string, string>;
}

function columnChanges(
  rebuild: Rebuild | undefined,
  statements: readonly SqliteStatement[],
  tables: readonly Dependent[],
): ColumnChanges {
  const original = tables.find(({ name }) => foldName(name) === rebuild?.table);
  const made = statements[rebuild?.made ?? -1];
  if (rebuild === undefined || original === undefined || made === undefined) {
    return { gone: new Set(), renamed: new Map() };
  }
  const renamed = renamedColumns(statements, rebuild);
  const left = new Set(columnNames(made.text));
  const before = columnNames(original.sql).map((name) => renamed.get(name) ?? name);
  return { gone: new Set(before.filter((name) => !left.has(name))), renamed };
}

/**
 * Returns the text of an index for the table that takes the place of its own: with the names that columns get, and `null`
 * when one of them goes, which no index can outlive. A word counts as a column where it can be nothing else.
 */
function indexAfter(sql: string, { gone, renamed }: ColumnChanges): string | null {
  if (gone.size === 0 && renamed.size === 0) return sql;
  const tokens = tokensOf(sql, "sqlite");
  const open = tokens.findIndex(({ text }) => text === "(");
  const columns = tokens.flatMap((token, at) => {
    const isFunction = tokens[at + 1]?.text === "(";
    const isColumn = at > open && nameOf(token) !== null && !isFunction &&
      !indexWords.has(token.text.toUpperCase());
    return isColumn ? [{ token, name: renamed.get(lowerName(token)) ?? lowerName(token) }] : [];
  });
  if (columns.some(({ name }) => gone.has(name))) return null;
  return columns.filter(({ token, name }) => name !== lowerName(token)).reduceRight(
    (text, { token: { start, text: old }, name }) =>
      text.slice(0, start) + quoteName(name) + text.slice(start + old.length),
    sql,
  );
}

/** Words of an index's text that may be columns only where they are quoted. */
const indexWords = new Set(
  "ASC DESC COLLATE WHERE AND OR NOT NULL IS IN LIKE GLOB BETWEEN CASE WHEN THEN ELSE END CAST AS".split(" "),
);

/** Whether statements make or drop a dependent by its name. */
export function isNamed({ type, name }: Dependent, statements: readonly SqliteStatement[]): boolean {
  return statements.some((statement) => {
    const tokens = significant(statement, ["CREATE", "DROP"]).slice(0, 8);
    const kind = tokens.findIndex((token) => isWord(token, type.toUpperCase()));
    return kind > 0 && tokens.slice(kind).some((token) => lowerName(token) === foldName(name));
  });
}

function significant(statement: SqliteStatement, verbs: readonly string[]): readonly Token[] {
  return verbs.includes(verbOf(statement.text)) ? significantTokens(statement) : [];
}

const significantTokens = onceFor(({ text }: SqliteStatement) =>
  tokensOf(text, "sqlite").filter((token) => token.text !== ";")
);

function lowerName(token: Token | undefined): string {
  return foldedName(token, "sqlite") ?? "";
}

/** Makes a statement that no batch has of its own. */
export function added(text: string): PlacedStatement {
  return { text, values: [], index: null };
}
