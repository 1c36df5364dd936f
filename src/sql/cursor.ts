import { foldName, keyOf } from "../base/fold_name.ts";
import type { Dialect } from "../base/dialect.ts";
import { isWord, nameOf, type Token, tokenize, withoutComments } from "./lexer.ts";

/** Walks over the tokens of one statement. */
export interface SqlCursor {
  /** Returns the next token and steps over it; `undefined` at the end. */
  next(): Token | undefined;
  /** Steps over words or signs, given in upper case, if they come next in that order. */
  take(...words: readonly string[]): boolean;
  /** Steps behind the next of these words outside of parentheses and returns it; `null`, and stays, when there is none. */
  seek(...words: readonly string[]): string | null;
  /** Steps over a name, with the `IF [NOT] EXISTS` and the schema before it. Returns it without quotes; "" for none. */
  name(): string;
  /** Returns what is left. */
  rest(): readonly Token[];
}

/** Returns a statement's tokens without its comments. */
export function tokensOf(sql: string, dialect: Dialect): readonly Token[] {
  if (last?.sql !== sql || last.dialect !== dialect) {
    last = { sql, dialect, tokens: withoutComments(tokenize(sql, dialect)) };
  }
  return last.tokens;
}

/** What was asked for last: a table's text is read for its checks, for its generated columns and for what else it says. */
let last:
  | { readonly sql: string; readonly dialect: Dialect; readonly tokens: readonly Token[] }
  | undefined;

/** Starts at the first of a statement's tokens, which are without comments. */
export function cursorAt(tokens: readonly Token[]): SqlCursor {
  let at = 0;
  const next = () => tokens[at++];
  const take = (...words: readonly string[]) => {
    const isNext = words.every((word, index) => isToken(tokens[at + index], word));
    if (isNext) at += words.length;
    return isNext;
  };
  return {
    next,
    take,
    seek(...words) {
      const rest = tokens.slice(at);
      const found = topLevel(rest).find((token) => words.some((word) => isWord(token, word)));
      if (found === undefined) return null;
      at += rest.indexOf(found) + 1;
      return found.text.toUpperCase();
    },
    name() {
      take("IF", "NOT", "EXISTS") || take("IF", "EXISTS");
      let last = next();
      while (take(".")) last = next();
      return nameOf(last) ?? "";
    },
    rest: () => tokens.slice(at),
  };
}

/** Returns the tokens outside of parentheses, without these. */
export function topLevel(tokens: readonly Token[]): readonly Token[] {
  let depth = 0;
  return tokens.filter((token) => {
    depth += depthChange(token);
    return depth === 0 && !isToken(token, ")");
  });
}

/** Cuts tokens at the commas outside of parentheses. */
export function commaParts(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += depthChange(token);
    if (depth === 0 && isToken(token, ",")) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

/** Returns the place of the parenthesis that closes the one at `open`. */
export function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    depth += depthChange(tokens[index]!);
    if (depth === 0) return index;
  }
  return tokens.length;
}

/** Returns by how much a token goes into parentheses, or out of them. */
export function depthChange(token: Token): number {
  return isToken(token, "(") ? 1 : isToken(token, ")") ? -1 : 0;
}

/** Returns what tells a name apart from others as a text has it: without quotes it means the one in small letters. */
export function foldedName(token: Token | undefined, dialect: Dialect): string | null {
  const name = nameOf(token);
  if (name === null) return null;
  return token!.kind === "name" ? keyOf(name, dialect) : foldName(name);
}

function isToken(token: Token | undefined, text: string): boolean {
  return token?.kind === "sign" ? token.text === text : isWord(token, text);
}

/** PostgreSQL reads a name without quotes in lower case. */
export function folded(token: Token): Token {
  return token.kind === "word" ? { ...token, text: foldName(token.text) } : token;
}
