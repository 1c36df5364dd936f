import type { Dialect } from "../../../base/dialect.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { namesIn, readIn } from "./names.ts";

/** The names that a statement drops, or makes anew in their place, which are neither tables nor columns: views, triggers, functions. */
export function droppedObjects(sql: string, dialect: Dialect): readonly string[] {
  const tokens = tokensOf(sql, dialect);
  const isReplaced = isWord(tokens[0], "CREATE") && isWord(tokens[1], "OR");
  // CREATE OR REPLACE RECURSIVE VIEW schema.name: what stands behind the name is another's.
  if (isReplaced) return tokens.slice(3, 8).flatMap((token) => nameOf(token) ?? []);
  if (!isWord(tokens[0], "DROP") || isWord(tokens[1], "TABLE")) return [];
  return tokens.slice(1).flatMap((token) => nameOf(token) ?? []);
}

/** The types that a statement drops with the columns that have them: `DROP TYPE … CASCADE`, `DROP DOMAIN … CASCADE`. */
export function droppedTypes(sql: string, dialect: Dialect): readonly string[] {
  const tokens = tokensOf(sql, dialect).filter(({ text }) => text !== ";");
  const cursor = cursorAt(readIn(tokens, dialect));
  if (!isWord(tokens.at(-1), "CASCADE") || !cursor.take("DROP")) return [];
  if (!cursor.take("TYPE") && !cursor.take("DOMAIN")) return [];
  cursor.take("IF", "EXISTS");
  return namesIn(cursor);
}
