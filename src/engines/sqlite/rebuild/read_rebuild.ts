import { foldName, isSameName } from "../../../base/fold_name.ts";
import { closing, commaParts, cursorAt, tokensOf, topLevel } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import type { Found } from "./found.ts";

/** A table that is made anew, filled from the old one and put in its place, as drizzle-kit writes it. */
export interface Rebuild extends Found {
  /** What each column is filled with, by its name: an expression over the old table. */
  readonly values: ReadonlyMap<string, string>;
  /** The names of the indexes, in lower case, which its last statements make. */
  readonly indexes: readonly string[];
}

/**
 * Reads a rebuild that begins at a statement, with the indexes that are made of the new table right behind it; `null`
 * where there is none, or one that does more than copy.
 */
export function readRebuild(statements: readonly string[], at: number): Rebuild | null {
  const [make, fill, drop, rename] = statements.slice(at, at + 4);
  if (rename === undefined) return null;
  const made = cursorAt(tokensOf(make!, "sqlite"));
  if (!made.take("CREATE", "TABLE")) return null;
  const copy = made.name();
  if (!made.take("(")) return null;
  const dropped = cursorAt(tokensOf(drop!, "sqlite"));
  const table = dropped.take("DROP", "TABLE") ? dropped.name() : "";
  const renamed = cursorAt(tokensOf(rename, "sqlite"));
  const isRename = renamed.take("ALTER", "TABLE") && isSameName("sqlite", renamed.name(), copy) &&
    renamed.take("RENAME", "TO") && isSameName("sqlite", renamed.name(), table);
  const values = isRename && table !== "" ? valuesOf(fill!, { copy, table }) : null;
  if (values === null) return null;
  const indexes: string[] = [];
  for (const text of statements.slice(at + 4)) {
    const index = indexOn(text, table);
    if (index === null) break;
    indexes.push(foldName(index));
  }
  return { count: 4 + indexes.length, table, values, indexes };
}

/** `INSERT INTO copy (…) SELECT … FROM table`, and nothing behind it. */
function valuesOf(
  text: string,
  { copy, table }: { readonly copy: string; readonly table: string },
): ReadonlyMap<string, string> | null {
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const at = cursorAt(tokens);
  if (!at.take("INSERT", "INTO") || !isSameName("sqlite", at.name(), copy) || !at.take("(")) return null;
  const open = tokens.length - at.rest().length - 1;
  const close = closing(tokens, open);
  const columns = commaParts(tokens.slice(open + 1, close)).map((part) => nameOf(part[0]) ?? "");
  const select = tokens.slice(close + 1);
  const from = topLevel(select).find((token) => isWord(token, "FROM"));
  if (!isWord(select[0], "SELECT") || isWord(select[1], "DISTINCT") || from === undefined) return null;
  const [name, ...more] = select.slice(select.indexOf(from) + 1);
  if (!isSameName("sqlite", nameOf(name) ?? "", table) || more.length > 0) return null;
  const values = commaParts(select.slice(1, select.indexOf(from))).map((part) => textOf(text, part));
  if (values.length !== columns.length) return null;
  return new Map(columns.map((column, place) => [foldName(column), values[place]!]));
}

/**
 * Returns what a column's value becomes where it is NULL: `x` of `coalesce("column", x)`. `undefined` where it stays
 * as it is, `null` where another value may become of it.
 */
export function fillOf(column: string, value: string): string | undefined | null {
  const tokens = tokensOf(value, "sqlite");
  const [word, open, name, comma] = tokens;
  if (tokens.length === 1) return isSameName("sqlite", nameOf(word) ?? "", column) ? undefined : null;
  const isCoalesce = isWord(word, "COALESCE") && open?.text === "(" &&
    isSameName("sqlite", nameOf(name) ?? "", column) &&
    comma?.text === "," && closing(tokens, 1) === tokens.length - 1;
  if (!isCoalesce || commaParts(tokens.slice(2, -1)).length !== 2) return null;
  return textOf(value, tokens.slice(4, -1));
}

/** Returns the name of the index that a statement makes on a table; `null` for any other statement. */
function indexOn(text: string, table: string): string | null {
  const at = cursorAt(tokensOf(text, "sqlite"));
  const isMade = at.take("CREATE") && (at.take("INDEX") || at.take("UNIQUE", "INDEX"));
  const name = isMade ? at.name() : "";
  return name !== "" && at.take("ON") && isSameName("sqlite", at.name(), table) ? name : null;
}

/** Returns the text from the first of some tokens to the last; "" without any. */
export function textOf(text: string, tokens: readonly Token[]): string {
  const [first, last] = [tokens[0], tokens.at(-1)];
  return first === undefined || last === undefined
    ? ""
    : text.slice(first.start, last.start + last.text.length);
}
