import type { Dialect } from "../../../base/dialect.ts";
import { foldName } from "../../../base/fold_name.ts";
import { commaParts } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";

/** Reads tokens from left to right. */
export interface Cursor {
  readonly dialect: Dialect;
  /** Passes over these keywords when they come next, all of them. */
  take(...keywords: readonly string[]): boolean;
  /** Reads a name, without its schema. */
  name(): string;
  /** Returns what follows, and stays. */
  rest(): readonly Token[];
}

/** Starts at the first of a statement's tokens. */
export function cursorOf(tokens: readonly Token[], dialect: Dialect): Cursor {
  let at = 0;
  const one = () => plainName(tokens[at++], dialect);
  return {
    dialect,
    take(...keywords) {
      if (!keywords.every((keyword, place) => isWord(tokens[at + place], keyword))) return false;
      at += keywords.length;
      return true;
    },
    name() {
      let name = one();
      while (tokens[at]?.text === ".") {
        at++;
        name = one();
      }
      return name;
    },
    rest: () => tokens.slice(at),
  };
}

/** Whether a name without quotes means the one in small letters. */
const foldsNames: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/** Returns a name as its dialect reads it; "" for none. */
export function plainName(token: Token | undefined, dialect: Dialect): string {
  const name = nameOf(token) ?? "";
  return token?.kind === "word" && foldsNames[dialect] ? foldName(name) : name;
}

/** Reads all that follows as names: `a, "b"."c"` … */
export function namesIn(cursor: Cursor): readonly string[] {
  return commaParts(cursor.rest()).map((part) => cursorOf(part, cursor.dialect).name());
}
