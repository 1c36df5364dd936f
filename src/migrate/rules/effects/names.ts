import type { Dialect } from "../../../base/dialect.ts";
import { commaParts, cursorAt, folded, type SqlCursor } from "../../../sql/cursor.ts";
import { nameOf, type Token } from "../../../sql/lexer.ts";

/** Whether a name without quotes means the one in small letters. */
const foldsNames: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/** Returns tokens with names as their dialect reads them. */
export function readIn(tokens: readonly Token[], dialect: Dialect): readonly Token[] {
  return foldsNames[dialect] ? tokens.map(folded) : tokens;
}

/** Returns a name; "" for none. */
export function plainName(token: Token | undefined): string {
  return nameOf(token) ?? "";
}

/** Reads all that follows as names: `a, "b"."c"` … */
export function namesIn(cursor: SqlCursor): readonly string[] {
  return commaParts(cursor.rest()).map((part) => cursorAt(part).name());
}
