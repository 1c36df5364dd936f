import { HarborError } from "../base/errors.ts";
import type { Dialect } from "../base/dialect.ts";
import { cursorAt, tokensOf } from "./cursor.ts";
import { postgresNameOf } from "./cut_name.ts";
import { isWord, type Token } from "./lexer.ts";

/**
 * Returns the names of what a statement makes of some kinds, as far as it says them.
 *
 * @param kinds What follows CREATE: `TYPE`, `MATERIALIZED VIEW`
 */
export function madeNames(sql: string, kinds: readonly string[], dialect: Dialect): readonly string[] {
  const isBlock = isWord(tokensOf(sql, dialect)[0], "DO");
  const tokens = codeTokens(sql, dialect);
  const places = isBlock ? [...tokens.keys()].filter((at) => isWord(tokens[at], "CREATE")) : [0];
  return places.map((at) => madeAt(tokens.slice(at), kinds, dialect)).filter((name) => name !== null);
}

/** Returns the tokens of the code of a DO block, none where it cannot be read as such; of any other statement its own. */
export function codeTokens(sql: string, dialect: Dialect): readonly Token[] {
  const tokens = tokensOf(sql, dialect);
  if (!isWord(tokens[0], "DO")) return tokens;
  const code = tokens.find((token) => token.kind === "string")?.text ?? "";
  const inside = code.startsWith("'")
    ? code.slice(1, -1).replaceAll("''", "'")
    : code.replace(/^(\$\w*\$)(.*)\1$/s, "$2");
  try {
    return tokensOf(inside, dialect);
  } catch (error) {
    if (error instanceof HarborError) return [];
    throw error;
  }
}

function madeAt(tokens: readonly Token[], kinds: readonly string[], dialect: Dialect): string | null {
  const cursor = cursorAt(tokens);
  if (!cursor.take("CREATE")) return null;
  while (!kinds.some((kind) => cursor.take(...kind.split(" ")))) {
    if (!adverbs.some((word) => cursor.take(word))) return null;
  }
  return keptName[dialect](cursor.name());
}

/** What an engine keeps of a name. */
export const keptName: Readonly<Record<Dialect, (name: string) => string>> = {
  sqlite: (name) => name,
  postgresql: postgresNameOf,
};

/** What may stand between CREATE and what is made. */
export const adverbs = [
  "OR",
  "REPLACE",
  "TEMP",
  "TEMPORARY",
  "RECURSIVE",
  "CONSTRAINT",
  "VIRTUAL",
  "FOREIGN",
  "UNLOGGED",
];
