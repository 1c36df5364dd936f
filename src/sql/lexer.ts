import { foldName } from "../base/fold_name.ts";
import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";

/** The smallest unit of SQL text that harbor-db tells apart. */
export interface Token {
  /** `word`: a keyword, bare name or number · `name`: a quoted name · `string` · `comment` · `sign`: any other character. */
  readonly kind: "word" | "name" | "string" | "comment" | "sign";
  readonly text: string;
  /** Offset of its first character in the text. */
  readonly start: number;
}

/** Where a name or string that opens with a character ends: with the same or the matching character. */
const closers: Readonly<Record<string, string>> = { "'": "'", '"': '"', "`": "`", "[": "]" };

/**
 * Splits SQL text into tokens, comments included.
 *
 * Knows what differs between the dialects: PostgreSQL's dollar quotes, nested comments and `E'…'` strings; SQLite's
 * backquoted and bracketed names.
 *
 * Sources: https://www.postgresql.org/docs/current/sql-syntax-lexical.html, https://www.sqlite.org/lang_keywords.html
 *
 * @throws {HarborError} `bad_script` when a string, quoted name or comment does not end; `details.offset` says where it began
 */
export function tokenize(text: string, dialect: Dialect): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const kind = kindAt(text, at, dialect);
    if (kind === null) {
      at++;
      continue;
    }
    const end = kind === "sign" ? at + 1 : endOf(kind, text, { at, dialect });
    tokens.push({ kind, text: text.slice(at, end), start: at });
    at = end;
  }
  return tokens;
}

/** Returns the tokens without the comments. */
export function withoutComments(tokens: readonly Token[]): readonly Token[] {
  return tokens.filter((token) => token.kind !== "comment");
}

/** Returns the name that a token stands for: without its quotes, or `null` when it is no name. */
export function nameOf(token: Token | undefined): string | null {
  if (token?.kind === "word") return token.text;
  if (token?.kind !== "name") return null;
  const closer = token.text.at(-1)!;
  return token.text.slice(1, -1).replaceAll(closer + closer, closer);
}

/** Says whether a token is that keyword, given in upper case. */
export function isWord(token: Token | undefined, keyword: string): boolean {
  // "ı" and "ſ" have the capitals of "i" and "s", and are other letters to both engines.
  return token?.kind === "word" && token.text.length === keyword.length &&
    foldName(token.text) === foldName(keyword);
}

/** To both engines whatever is beyond ASCII is part of a name, blanks and signs of Unicode, too. */
const wordCharacter = /[\w$\u0080-\ufefe\uff00-\uffff]/;
const blank = /[ \t\n\v\f\r\ufeff]/;

/** What a dialect's text has beside standard SQL. */
interface Lexis {
  /** What opens a quoted name, beside `"`. */
  readonly nameQuotes: readonly string[];
  /** `$tag$…$tag$` */
  readonly hasDollarQuotes: boolean;
  /** `E'…\'…'` */
  readonly hasEscapes: boolean;
  /** `/* … /* … *\/ … *\/` is one comment. */
  readonly nestsComments: boolean;
}

const lexisOf: Readonly<Record<Dialect, Lexis>> = {
  sqlite: { nameQuotes: ["`", "["], hasDollarQuotes: false, hasEscapes: false, nestsComments: false },
  postgresql: { nameQuotes: [], hasDollarQuotes: true, hasEscapes: true, nestsComments: true },
};

function kindAt(text: string, at: number, dialect: Dialect): Token["kind"] | null {
  const lexis = lexisOf[dialect];
  const here = text[at]!;
  if (blank.test(here)) return null;
  if (text.startsWith("--", at) || text.startsWith("/*", at)) return "comment";
  if (here === "'") return "string";
  if (here === '"') return "name";
  if (lexis.nameQuotes.includes(here)) return "name";
  if (lexis.hasDollarQuotes && dollarTag(text, at) !== null) return "string";
  if (lexis.hasEscapes && /e/i.test(here) && text[at + 1] === "'") return "string";
  return here !== "$" && wordCharacter.test(here) ? "word" : "sign";
}

function endOf(kind: Token["kind"], text: string, { at, dialect }: { at: number; dialect: Dialect }): number {
  if (kind === "word") {
    let end = at + 1;
    while (end < text.length && wordCharacter.test(text[end]!)) end++;
    return end;
  }
  if (kind === "comment") return endOfComment(text, at, dialect);
  const tag = lexisOf[dialect].hasDollarQuotes ? dollarTag(text, at) : null;
  if (tag !== null) {
    const end = text.indexOf(tag, at + tag.length);
    return end < 0 ? unterminated("dollar-quoted string", at) : end + tag.length;
  }
  return endOfQuoted(text, at);
}

function endOfQuoted(text: string, at: number): number {
  const escapes = /e/i.test(text[at]!);
  const open = escapes ? at + 1 : at;
  const closer = closers[text[open]!]!;
  for (let end = open + 1; end < text.length; end++) {
    if (escapes && text[end] === "\\") end++;
    else if (text[end] === closer) {
      if (text[end + 1] !== closer || closer === "]") return end + 1;
      end++;
    }
  }
  return unterminated(closer === "'" ? "string" : "quoted name", at);
}

function endOfComment(text: string, at: number, dialect: Dialect): number {
  if (text[at] === "-") {
    const end = text.indexOf("\n", at);
    return end < 0 ? text.length : end;
  }
  let depth = 1;
  for (let end = at + 2; end < text.length; end++) {
    if (text.startsWith("*/", end)) {
      depth--;
      end++;
      if (depth === 0) return end + 1;
    } else if (lexisOf[dialect].nestsComments && text.startsWith("/*", end)) {
      depth++;
      end++;
    }
  }
  return unterminated("comment", at);
}

/** Returns the tag that opens a dollar-quoted string at that place (`$$`, `$body$`), or `null`. */
function dollarTag(text: string, at: number): string | null {
  if (text[at] !== "$") return null;
  const tag = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(text.slice(at, at + 66));
  return tag === null ? null : tag[0];
}

function unterminated(what: string, offset: number): never {
  throw new HarborError("bad_script", "Cannot split the script", {
    state: `a ${what} does not end`,
    details: { offset },
  });
}
