import { foldName } from "../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";
import { isSideTable, ownTableNames } from "../../../sql/own/tables.ts";
import type { SqliteStatement } from "../connection/statement.ts";
import { sameKeyOf } from "../rebuild/same_key.ts";

/** harbor-db's and Alembic's own tables, beside those of kept data: no row refers to them or from them. */
const ownTables = [...ownTableNames, "alembic_version"];

/**
 * Which references a batch could leave dangling: none, any, or those of and to some tables. Each has the column whose values are
 * the same behind it, so that what refers to these is safe; `null` for none. Names are in lower case.
 */
export type Endangered = "none" | "any" | ReadonlyMap<string, string | null>;

/**
 * Says which references a batch could leave dangling, while foreign keys do nothing by themselves. Making tables, indexes and
 * plain columns endangers none. A table that is dropped, named anew, or filled right after it was made endangers its own; what
 * writes to another may set off triggers, and endangers any. To look at every row of a large table, twice, keeps writers
 * waiting for as long as an index takes: so what refers to the key of a small one is left out where a rebuild keeps that.
 */
export function endangeredBy(statements: readonly SqliteStatement[]): Endangered {
  const named: string[] = [];
  const made = new Set<string>();
  for (const { text } of statements) {
    const found = tablesOf(text, made);
    if (found === "any") return "any";
    named.push(...found);
  }
  if (named.length === 0) return "none";
  const keys = sameKeys(statements, named);
  return new Map(named.map((table) => [table, keys.get(table) ?? null]));
}

/** @param named The tables that are dropped or named anew, each as often as that is */
function sameKeys(
  statements: readonly SqliteStatement[],
  named: readonly string[],
): ReadonlyMap<string, string> {
  const texts = statements.map(({ text }) => text);
  const found = texts.flatMap((_, at) => sameKeyOf(texts, at) ?? []);
  // The rebuild drops the table and gives its name to the copy. Whatever else is done to either may take rows of it away.
  const isAlone = ({ table }: { readonly table: string }) =>
    named.filter((each) => each === table).length === 2;
  return new Map(found.filter(isAlone).map(({ table, column }) => [table, column]));
}

/** @param made The tables that the batch has made so far, of which no trigger is known; the statement's is added */
function tablesOf(text: string, made: Set<string>): readonly string[] | "any" {
  const tokens = tokensOf(text, "sqlite");
  const at = cursorAt(tokens);
  if (at.take("CREATE")) {
    if (at.take("VIRTUAL")) return "any";
    // A trigger fires on whatever is written from here on.
    if (tokens.some((token) => isWord(token, "TRIGGER"))) made.clear();
    else if (at.take("TABLE") && !isWord(at.rest()[0], "IF")) made.add(foldName(at.name()));
    return [];
  }
  // Inside a transaction SQLite ignores it.
  if (at.take("SELECT") || at.take("PRAGMA", "FOREIGN_KEYS")) return [];
  if (at.take("DROP", "TABLE")) return [foldName(at.name())];
  if (at.take("ALTER", "TABLE")) {
    const table = foldName(at.name());
    if (at.take("RENAME", "TO")) return [table, foldName(at.name())];
    if (at.take("DROP")) return [];
    if (!at.take("ADD")) return "any";
    const has = (word: string) => tokens.some((token) => isWord(token, word));
    // All rows have NULL in it otherwise, which refers to nothing.
    return has("REFERENCES") && ["DEFAULT", "GENERATED", "AS"].some(has) ? [table] : [];
  }
  const isInsert = at.take("INSERT", "INTO");
  if (!isInsert && !at.take("UPDATE") && !at.take("DELETE", "FROM")) return "any";
  const table = foldName(at.name());
  if (ownTables.includes(table) || isSideTable(table)) return [];
  return isInsert && made.has(table) ? [table] : "any";
}
