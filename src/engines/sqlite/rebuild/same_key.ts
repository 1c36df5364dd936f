import { foldName } from "../../../base/fold_name.ts";
import { closing, commaParts, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { fillOf, readRebuild } from "./read_rebuild.ts";

/** A table that is rebuilt, and the column of its key, both in lower case. */
export interface SameKey {
  readonly table: string;
  readonly column: string;
}

/**
 * Returns the key that has the same values behind a rebuild as before, whatever is in the table: the row id itself, which each
 * row takes along. `null` where no rebuild begins at the statement, or a row could be left out without an error.
 */
export function sameKeyOf(statements: readonly string[], at: number): SameKey | null {
  const rebuild = readRebuild(statements, at);
  if (rebuild === null) return null;
  const made = madeBy(statements[at]!);
  if (made === null) return null;
  const { key: column, filled } = made;
  const value = rebuild.values.get(column);
  if (value === undefined || fillOf(column, value) !== undefined) return null;
  // The copy takes `NOT NULL ON CONFLICT IGNORE` along from the table: what that may refuse has to have what it had.
  const becomesOther = [...rebuild.values].some(([name, value]) => fillOf(name, value) === null) ||
    filled.some((name) => !rebuild.values.has(name));
  return becomesOther ? null : { table: foldName(rebuild.table), column };
}

/** Columns of a table that is made, in lower case. */
interface Made {
  /** The one that is the row id. */
  readonly key: string;
  /** Those that may not be NULL. */
  readonly filled: readonly string[];
}

/** Reads how a table is made; `null` where no column is its row id, or ON CONFLICT lets a row go without an error. */
function madeBy(text: string): Made | null {
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const open = tokens.findIndex((token) => token.kind === "sign" && token.text === "(");
  if (open < 0 || closing(tokens, open) !== tokens.length - 1) return null;
  if (tokens.some((token) => isWord(token, "CONFLICT"))) return null;
  const parts = commaParts(tokens.slice(open + 1, -1));
  const key = parts.find((part) =>
    ["INTEGER", "PRIMARY", "KEY"].every((word, place) => isWord(part[place + 1], word)) &&
    !isWord(part[4], "DESC")
  );
  const filled = parts.filter((part) => part.some((token) => isWord(token, "NOT")));
  const nameIn = ([token]: readonly Token[]) => foldName(nameOf(token) ?? "");
  return key === undefined ? null : { key: nameIn(key), filled: filled.map(nameIn) };
}
