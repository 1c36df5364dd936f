import type { Dialect } from "../../base/dialect.ts";
import { closing, foldedName, tokensOf } from "../../sql/cursor.ts";
import type { Token } from "../../sql/lexer.ts";
import { numberWord } from "./number_word.ts";
import { stringWords } from "./string_words.ts";

/** Words that an expression is built of; as a quoted name they keep their quotes. */
const reserved = new Set(
  "all and any array between case cast else end exists from ilike in is like not or select some then when"
    .split(" "),
);

const signs = [
  "||/",
  "<<=",
  ">>=",
  "<->",
  "-|-",
  "#>>",
  "!~~*",
  "->>",
  "!~~",
  "~~*",
  "!~*",
  "<=",
  ">=",
  "<>",
  "!=",
  "==",
  "||",
  "->",
  "~~",
  "!~",
  "~*",
  "::",
  "#>",
  "@>",
  "<@",
  "@@",
  "&&",
  "^@",
  "<<",
  ">>",
  "@?",
  "?|",
  "?&",
  "|/",
  "#-",
  "&<",
  "&>",
];

const synonyms: Readonly<Record<string, string>> = { "!=": "<>", "==": "=", like: "~~", ilike: "~~*" };

/** Whether an engine has forms of its own for much, and prints an expression anew. SQLite keeps what was written, and it counts. */
export const printsAnew: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/**
 * Returns the words of an SQL expression, each in one spelling: names without needless quotes and without their table
 * or schema, numbers whole, and as PostgreSQL prints them, operators whole and by their first name (`!=` is `<>`, `LIKE` is `~~`).
 *
 * @throws {HarborError} `bad_script` when a string, quoted name or comment does not end
 */
export function expressionWords(text: string, dialect: Dialect): readonly string[] {
  const words: string[] = [];
  const tokens = tokensOf(text, dialect);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const last = words.at(-1);
    const string = printsAnew[dialect] ? stringWords(tokens, at) : null;
    if (string !== null) {
      words.push(...string.words);
      at += string.taken - 1;
      continue;
    }
    if (printsAnew[dialect] && /^operator$/i.test(token.text) && tokens[at + 1]?.text === "(") {
      const end = closing(tokens, at + 1);
      const signs = tokens.slice(at + 2, end).flatMap(({ kind, text }) =>
        kind === "sign" && text !== "." ? [text] : []
      );
      words.push(`operator ${signs.join("")}`);
      at = end;
      continue;
    }
    const number = numberWord(text, token.start, printsAnew[dialect]);
    if (number !== null) {
      words.push(number.word);
      while ((tokens[at + 1]?.start ?? number.end) < number.end) at++;
      continue;
    }
    // A name's qualifier, its table or schema, does not count.
    if (token.text === "." && tokens[at + 1] !== undefined && /[\p{L}\p{N}_"]$/u.test(last ?? "")) {
      words.splice(-1, 1, spelling(tokens[++at]!, dialect));
      continue;
    }
    const sign = signs.find((sign) => text.startsWith(sign, token.start));
    const word = token.kind === "sign" && sign !== undefined ? sign : spelling(token, dialect);
    if (token.kind === "sign" && sign !== undefined) at += sign.length - 1;
    words.push(synonyms[word] ?? word);
  }
  return words;
}

// deno-lint-ignore no-control-regex
const isAscii = /^[\x00-\x7f]*$/;

function spelling(token: Token, dialect: Dialect): string {
  const name = foldedName(token, dialect);
  if (name === null) return token.text;
  // Words of the language are of ASCII: any other is a name, which a server writes in quotes.
  if (token.kind === "word" && isAscii.test(name)) return name;
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !reserved.has(name) ? name : `"${name}"`;
}
