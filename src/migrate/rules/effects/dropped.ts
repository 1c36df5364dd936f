import type { Dialect } from "../../../base/dialect.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord } from "../../../sql/lexer.ts";
import { namesIn, readIn } from "./names.ts";

/** The types that a statement drops with the columns that have them: `DROP TYPE … CASCADE`, `DROP DOMAIN … CASCADE`. */
export function droppedTypes(sql: string, dialect: Dialect): readonly string[] {
  const tokens = tokensOf(sql, dialect).filter(({ text }) => text !== ";");
  const cursor = cursorAt(readIn(tokens, dialect));
  if (!isWord(tokens.at(-1), "CASCADE") || !cursor.take("DROP")) return [];
  if (!cursor.take("TYPE") && !cursor.take("DOMAIN")) return [];
  cursor.take("IF", "EXISTS");
  return namesIn(cursor);
}
