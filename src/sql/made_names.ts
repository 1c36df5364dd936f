import { HarborError } from "../base/errors.ts";
import type { Dialect } from "../base/dialect.ts";
import { cursorAt, tokensOf } from "./cursor.ts";
import { postgresNameOf } from "./cut_name.ts";
import { isWord, type Token } from "./lexer.ts";

/**
 * Returns the names that a statement gives to what it makes of some kinds, or calls otherwise, as far as it says them.
 *
 * @param kinds What follows CREATE and ALTER: `TYPE`, `MATERIALIZED VIEW`
 */
export function madeNames(sql: string, kinds: readonly string[], dialect: Dialect): readonly string[] {
  const isBlock = isWord(tokensOf(sql, dialect)[0], "DO");
  const tokens = codeTokens(sql, dialect);
  const isVerb = (at: number) => isWord(tokens[at], "CREATE") || isWord(tokens[at], "ALTER");
  const places = isBlock ? [...tokens.keys()].filter(isVerb) : [0];
  return places.map((at) => namedAt(tokens.slice(at), kinds, dialect)).filter((name) => name !== null);
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

/** Returns the statements of the code of a DO block, cut at what stands before one; any other statement as it is. */
export function codeStatements(sql: string, dialect: Dialect): readonly (readonly Token[])[] {
  const tokens = codeTokens(sql, dialect);
  if (!isWord(tokensOf(sql, dialect)[0], "DO")) return [tokens];
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === ";" || ["BEGIN", "THEN", "ELSE", "LOOP"].some((word) => isWord(token, word))) {
      parts.push([]);
    } else parts.at(-1)!.push(token);
  }
  return parts;
}

function namedAt(tokens: readonly Token[], kinds: readonly string[], dialect: Dialect): string | null {
  const cursor = cursorAt(tokens);
  if (!cursor.take("ALTER")) return madeAt(tokens, kinds, dialect);
  if (!kinds.some((kind) => cursor.take(...kind.split(" ")))) return null;
  const end = cursorAt(upToSemicolon(cursor.rest()));
  return end.seek("RENAME") !== null && end.take("TO") ? keptName[dialect](end.name()) : null;
}

function upToSemicolon(tokens: readonly Token[]): readonly Token[] {
  const end = tokens.findIndex(({ text }) => text === ";");
  return end < 0 ? tokens : tokens.slice(0, end);
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
