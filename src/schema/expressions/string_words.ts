import type { Token } from "../../sql/lexer.ts";
import { quoteText } from "../../sql/quote.ts";

/** A string in one of PostgreSQL's own forms, as plain words, and how many tokens it takes. */
export interface StringWords {
  readonly words: readonly string[];
  readonly taken: number;
}

/**
 * Reads `E'…'`, `$$…$$`, `U&'…' [UESCAPE '…']`, `B'…'` and `X'…'`; `null` where none of them begins.
 * Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS
 */
export function stringWords(tokens: readonly Token[], at: number): StringWords | null {
  const [token, second, third] = tokens.slice(at, at + 3);
  if (token === undefined) return null;
  if (token.kind === "string") {
    const text = /^e/i.test(token.text)
      ? unescaped(token.text.slice(2, -1))
      : token.text.startsWith("$")
      ? token.text.slice(token.text.indexOf("$", 1) + 1, token.text.lastIndexOf("$", token.text.length - 2))
      : null;
    return text === null ? null : { words: [quoteText(text)], taken: 1 };
  }
  if (token.kind !== "word" || second === undefined || second.start !== token.start + token.text.length) {
    return null;
  }
  if (/^[bx]$/i.test(token.text) && second.kind === "string") {
    const digits = second.text.slice(1, -1);
    return { words: [quoteText(/^b$/i.test(token.text) ? digits : bitsOf(digits)), "::", "bit"], taken: 2 };
  }
  if (!/^u$/i.test(token.text) || second.text !== "&" || third?.kind !== "string") return null;
  const [word, sign] = tokens.slice(at + 3, at + 5);
  const isNamed = /^uescape$/i.test(word?.text ?? "") && sign?.kind === "string";
  const text = codePointsOf(third.text.slice(1, -1), isNamed ? sign.text.slice(1, -1) : "\\");
  return { words: [quoteText(text)], taken: isNamed ? 5 : 3 };
}

function bitsOf(digits: string): string {
  return [...digits].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
}

const letters: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function unescaped(text: string): string {
  return text.replaceAll(
    /''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([^]))/g,
    (whole, octal, hex, short, long, other) => {
      if (whole === "''") return "'";
      if (other !== undefined) return letters[other] ?? other;
      return characterOf(Number.parseInt(octal ?? hex ?? short ?? long, octal === undefined ? 16 : 8)) ??
        whole;
    },
  );
}

/** Returns a character by its number; `null` where it has none, which PostgreSQL refuses. */
function characterOf(code: number): string | null {
  return code > 0x10ffff ? null : String.fromCodePoint(code);
}

function codePointsOf(text: string, sign: string): string {
  const plain = text.replaceAll("''", "'");
  let made = "";
  for (let at = 0; at < plain.length; at++) {
    const hex = plain[at] === sign
      ? /^(?:\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))/.exec(plain.slice(at + 1))
      : null;
    const character = hex === null ? null : characterOf(Number.parseInt(hex[1] ?? hex[2]!, 16));
    if (hex !== null && character !== null) {
      made += character;
      at += hex[0].length;
    } else if (plain[at] === sign && plain[at + 1] === sign) made += plain[++at]!;
    else made += plain[at]!;
  }
  return made;
}
