import { keyOf } from "../base/fold_name.ts";
import type { Dialect } from "../base/dialect.ts";
import { onceForText } from "../base/once_for.ts";
import { foldedName } from "./cursor.ts";
import { tokenize } from "./lexer.ts";

/** Returns those of some columns that an expression names. */
export function columnsIn(
  expression: string,
  columns: readonly { readonly name: string }[],
  dialect: Dialect,
): readonly string[] {
  const names = namesIn(expression, dialect);
  return columns.map(({ name }) => name).filter((name) => names.has(keyOf(name, dialect)));
}

/** Returns whatever may be a name in an expression, as {@link keyOf} has it. */
export const namesIn = onceForText((expression: string, dialect: Dialect): ReadonlySet<string | null> =>
  new Set(tokenize(expression, dialect).map((token) => foldedName(token, dialect)))
);

/** Puts other texts in the place of columns in an expression, by their names; they lose the table in front of them. */
export function replaceColumns(
  expression: string,
  texts: ReadonlyMap<string, string>,
  dialect: Dialect,
): string {
  const byName = new Map([...texts].map(([name, text]) => [keyOf(name, dialect), text]));
  const tokens = tokenize(expression, dialect);
  let result = "";
  let at = 0;
  for (const [place, token] of tokens.entries()) {
    const text = byName.get(foldedName(token, dialect) ?? "");
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
