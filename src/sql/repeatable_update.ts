import type { Dialect } from "../base/dialect.ts";
import { closing, commaParts, cursorAt, depthChange, foldedName, tokensOf, topLevel } from "./cursor.ts";
import { isConstantValue, isNeverNull, isReadOnly, literalOf } from "./known_value.ts";
import { isWord, type Token } from "./lexer.ts";

/** An `UPDATE` or `DELETE` of one table, cut before its condition. */
export interface ConditionalChange {
  /** `UPDATE … SET …` or `DELETE FROM …`. */
  readonly update: string;
  readonly deletes?: true;
  /** Without the word WHERE; `null` when every row is meant. */
  readonly condition: string | null;
}

/** What a column gets: its name, folded, and the expression. */
type Assignment = readonly [column: string, value: readonly Token[]];

interface Setting {
  readonly assigned: readonly Assignment[];
  readonly dialect: Dialect;
}

/**
 * Returns the condition under which a change may be repeated, since no row that it changed meets it afterwards; `null`
 * where the texts do not show that: each row is to be changed once then.
 *
 * A comparison with a literal (`WHERE c = 'a'`) counts only where all columns get constants: these do no harm a second
 * time, should the column's type or collation take for equal what the texts tell apart.
 */
export function repeatableCondition(change: ConditionalChange, dialect: Dialect): string | null {
  const { update, deletes, condition } = change;
  if (condition === null) return null;
  if (deletes) return condition;
  const assigned = assignments(update, dialect);
  if (assigned === null) return null;
  const tokens = tokensOf(condition, dialect);
  if (isEnded(tokens, { assigned, dialect })) return condition;
  const [only, ...others] = assigned;
  if (only === undefined || others.length > 0) return null;
  const [column, value] = only;
  const fills = splitAt(tokens, "OR")?.length === 1 &&
    splitAt(tokens, "AND")?.some((part) => emptyColumn(part, dialect) === column);
  if (!fills || !isReadOnly(value)) return null;
  const [first, last] = [value[0]!, value.at(-1)!];
  const expression = update.slice(first.start, last.start + last.text.length);
  // Where the expression is NULL the row stays as it is. A line break ends a comment that a text may end with.
  return `(${condition}\n) AND (${expression}\n) IS NOT NULL`;
}

/** Returns the columns that an `UPDATE` gives values, folded. */
export function assignedColumns(update: readonly Token[], dialect: Dialect): readonly string[] {
  const at = cursorAt(update);
  if (at.seek("SET") === null) return [];
  return commaParts(at.rest()).flatMap((part) => {
    const names = part[0]?.text === "(" ? part.slice(1, closing(part, 0)) : part.slice(0, 1);
    return names.flatMap((name) => foldedName(name, dialect) ?? []);
  });
}

/** Returns `null` where SET is not a plain list of `column = value`. */
function assignments(update: string, dialect: Dialect): readonly Assignment[] | null {
  const at = cursorAt(tokensOf(update, dialect));
  if (at.seek("SET") === null) return null;
  const parts = commaParts(at.rest());
  const found = parts.flatMap(([name, equals, ...value]): readonly Assignment[] => {
    const column = foldedName(name, dialect);
    return column === null || equals?.text !== "=" || value.length === 0 ? [] : [[column, value]];
  });
  return found.length === parts.length ? found : null;
}

/** Whether a condition is false as soon as the columns have what they get. */
function isEnded(tokens: readonly Token[], setting: Setting): boolean {
  const isWrapped = tokens[0]?.text === "(" && closing(tokens, 0) === tokens.length - 1;
  if (isWrapped) return isEnded(tokens.slice(1, -1), setting);
  const branches = splitAt(tokens, "OR");
  const parts = splitAt(tokens, "AND");
  if (branches === null || parts === null) return false;
  if (branches.length > 1) return branches.every((branch) => isEnded(branch, setting));
  if (parts.length > 1) return parts.some((part) => isEnded(part, setting));
  return isTermEnded(tokens, setting);
}

/** {@link isEnded} for what has no AND and no OR. */
function isTermEnded(tokens: readonly Token[], { assigned, dialect }: Setting): boolean {
  const { column, rest } = leadingColumn(tokens, dialect);
  const value = assigned.find(([name]) => name === column)?.[1];
  if (value === undefined) return false;
  const text = rest.map((token) => token.text.toUpperCase()).join(" ");
  if (emptyColumn(tokens, dialect) !== null) return isNeverNull(value);
  const given = literalOf(value);
  if (["IS NOT NULL", "NOTNULL", "NOT NULL"].includes(text)) return given?.kind === "null";
  const [, operator] = /^(=|< >|! =|IS DISTINCT FROM) /.exec(text) ?? [];
  if (operator === undefined || !assigned.every(([, each]) => isConstantValue(each))) return false;
  const compared = literalOf(rest.slice(operator.split(" ").length));
  if (compared === null || compared.kind === "null" || given === null) return false;
  const isSameKind = given.kind === compared.kind;
  return operator === "="
    ? given.kind === "null" || (isSameKind && given.value !== compared.value)
    : isSameKind && given.value === compared.value;
}

/** Returns the column of `column IS NULL`; `null` for anything else. */
function emptyColumn(tokens: readonly Token[], dialect: Dialect): string | null {
  const { column, rest } = leadingColumn(tokens, dialect);
  const text = rest.map((token) => token.text.toUpperCase()).join(" ");
  return text === "IS NULL" || text === "ISNULL" ? column : null;
}

/** Reads `column` or `table.column`, and what follows. */
function leadingColumn(
  tokens: readonly Token[],
  dialect: Dialect,
): { readonly column: string | null; readonly rest: readonly Token[] } {
  const place = tokens[1]?.text === "." ? 2 : 0;
  return { column: foldedName(tokens[place], dialect), rest: tokens.slice(place + 1) };
}

/** Cuts a condition at a word outside of parentheses; `null` where that word may belong to something else. */
function splitAt(tokens: readonly Token[], word: "AND" | "OR"): readonly (readonly Token[])[] | null {
  const isMixed = topLevel(tokens).some((token) => isWord(token, "CASE") || isWord(token, "BETWEEN"));
  if (isMixed) return null;
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += depthChange(token);
    if (depth === 0 && isWord(token, word)) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}
