import type { Dialect } from "../base/dialect.ts";
import { onceForText } from "../base/once_for.ts";
import { nameOf, tokenize } from "./lexer.ts";

/** Returns those of some columns that an expression names. */
export function columnsIn(
  expression: string,
  columns: readonly { readonly name: string }[],
  dialect: Dialect,
): readonly string[] {
  const names = namesIn(expression, dialect);
  return columns.map(({ name }) => name).filter((name) => names.has(name.toLowerCase()));
}

const namesIn = onceForText((expression: string, dialect: Dialect): ReadonlySet<string | undefined> =>
  new Set(tokenize(expression, dialect).map((token) => nameOf(token)?.toLowerCase()))
);

/** Puts other texts in the place of columns in an expression, by their names; they lose the table in front of them. */
export function replaceColumns(
  expression: string,
  texts: ReadonlyMap<string, string>,
  dialect: Dialect,
): string {
  const byName = new Map([...texts].map(([name, text]) => [name.toLowerCase(), text]));
  const tokens = tokenize(expression, dialect);
  let result = "";
  let at = 0;
  for (const [place, token] of tokens.entries()) {
    const text = byName.get(nameOf(token)?.toLowerCase() ?? "");
    const next = tokens[place + 1]?.text;
    // A table's name, or a function's.
    if (text === undefined || next === "." || (token.kind === "word" && next === "(")) continue;
    const isQualified = tokens[place - 1]?.text === ".";
    const start = isQualified ? tokens[place - 2]!.start : token.start;
    result += expression.slice(at, start) + text;
    at = token.start + token.text.length;
  }
  return result + expression.slice(at);
}
