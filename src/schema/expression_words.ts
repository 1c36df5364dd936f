import type { Dialect } from "../base/dialect.ts";
import { foldsQuotedNames, tokensOf } from "../sql/cursor.ts";
import { nameOf, type Token } from "../sql/lexer.ts";

/** Words that an expression is built of; as a quoted name they keep their quotes. */
const reserved = new Set(
  "all and any array between case cast else end exists from ilike in is like not or select some then when"
    .split(" "),
);

const signs = [
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
];

const synonyms: Readonly<Record<string, string>> = { "!=": "<>", "==": "=", like: "~~", ilike: "~~*" };

/**
 * Returns the words of an SQL expression, each in one spelling: names without needless quotes and without their table
 * or schema, numbers whole, operators whole and by their first name (`!=` is `<>`, `LIKE` is `~~`).
 *
 * @throws {HarborError} `bad_script` when a string, quoted name or comment does not end
 */
export function expressionWords(text: string, dialect: Dialect): readonly string[] {
  const words: string[] = [];
  const tokens = tokensOf(text, dialect);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const last = words.at(-1);
    if (token.text === "." && tokens[at + 1] !== undefined && last !== undefined) {
      const next = spelling(tokens[++at]!, dialect);
      // A number's fraction belongs to it; a name's qualifier (its table or schema) does not.
      words.splice(-1, 1, /^\d+$/.test(last) ? `${last}.${next}` : next);
      continue;
    }
    const sign = signs.find((sign) => text.startsWith(sign, token.start));
    const word = token.kind === "sign" && sign !== undefined ? sign : spelling(token, dialect);
    if (token.kind === "sign" && sign !== undefined) at += sign.length - 1;
    words.push(synonyms[word] ?? word);
  }
  return words;
}

function spelling(token: Token, dialect: Dialect): string {
  if (token.kind === "word") return token.text.toLowerCase();
  if (token.kind !== "name") return token.text;
  const name = foldsQuotedNames[dialect] ? nameOf(token)!.toLowerCase() : nameOf(token)!;
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !reserved.has(name) ? name : `"${name}"`;
}
