import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { onceForText } from "../../base/once_for.ts";
import { expressionWords, printsAnew } from "./words.ts";
import { generatedParts } from "../generated.ts";
import { call, type Node } from "./nodes.ts";
import { parseExpression } from "./parse.ts";
import { withoutRows } from "./row_comparisons.ts";
import { decimal, readerOf } from "./literal_values.ts";

/**
 * Says whether two SQL expressions (defaults, checks, conditions of indexes) are the same but for their spelling.
 *
 * PostgreSQL does not keep what was written: `x IN ('a','b')` comes back as
 * `((x)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))`. So both are parsed, and what
 * it adds or rewrites (casts, parentheses, `IN`, `BETWEEN`, `trim`) is brought to one form. What the parser does not
 * know (subqueries) is compared word by word. It errs towards "different", except that a cast which only one of
 * the two has counts for its length only.
 */
export function isSameExpression(a: string, b: string, dialect: Dialect): boolean {
  return a === b || isSame(parsed(a, dialect), parsed(b, dialect), { dialect });
}

const parsed = onceForText((text: string, dialect: Dialect): Node => {
  // What makes a generated column is compared like a default.
  const made = generatedParts(text);
  if (made !== null) return call(made.kind, parsed(made.expression, dialect));
  let words: readonly string[] = [text];
  try {
    words = expressionWords(text, dialect);
    return parseExpression(withoutRows(["(", ...words]).slice(1), dialect);
  } catch (error) {
    if (error instanceof HarborError) return words.join(" ");
    throw error;
  }
});

interface Standing {
  readonly dialect: Dialect;
  /** Of what the nodes are operands, if of anything. */
  readonly of?: string;
}

function isSame(a: Node, b: Node, { dialect, of }: Standing): boolean {
  const [one, types] = withoutCasts(a);
  const [other, others] = withoutCasts(b);
  // PostgreSQL adds casts to those that are written, and leaves out those that change nothing.
  if (lengthsOf(types) !== lengthsOf(others)) return false;
  if (types.length > 0 && others.length > 0 && !types.some((type) => others.includes(type))) return false;
  if (typeof one === "string" || typeof other === "string") {
    return one === other || isSameLiteral(one, other, types[0] ?? others[0]) ||
      (printsAnew[dialect] && of !== undefined && alike.has(of) && isRead([one, other]));
  }
  return one.name === other.name && one.parts.length === other.parts.length &&
    one.parts.every((part, at) => isSame(part, other.parts[at]!, { dialect, of: one.name }));
}

/** Whose operands are of one type, which PostgreSQL takes a string for: `n = '5'` comes back as `n = 5`, `d = 't'` as `d = true`. */
const alike = new Set(
  ["=", "<", ">", "<=", ">=", "in", "is distinct", "coalesce", "nullif", "greatest", "least", "case", "array"]
    .concat(["+", "*", "/", "%"]),
);

/** Says whether one of two is a string, and the other the number or boolean that it is read as. */
function isRead([a, b]: readonly [Node, Node]): boolean {
  const [text, value] = textOf(a) === null ? [textOf(b), a] : [textOf(a), b];
  if (text === null || typeof value !== "string") return false;
  if (/^(?:true|false)$/.test(value)) return readerOf("boolean")(text) === value;
  return /^-?[\d.]+$/.test(value) && decimal(text.trim()) === decimal(value);
}

/** Returns what a string says; `null` for any other node. */
function textOf(node: Node): string | null {
  return typeof node === "string" && /^'.*'$/s.test(node) ? node.slice(1, -1).replaceAll("''", "'") : null;
}

/** A cast to a length cuts, or rounds. */
function lengthsOf(types: readonly string[]): string {
  return types.filter((type) => type.includes("(")).join(" ");
}

/** Returns an expression and the types that it is cast to, the first one first. */
function withoutCasts(node: Node): readonly [bare: Node, types: readonly string[]] {
  if (typeof node === "string" || node.name !== "::") return [node, []];
  const [inner, type] = node.parts as readonly [Node, string];
  const [bare, types] = withoutCasts(inner);
  return [bare, [...types, type]];
}

/** Says whether two literals have one value; PostgreSQL prints what it read, `36 hours` as `36:00:00`. */
function isSameLiteral(a: Node, b: Node, type: string | undefined): boolean {
  const [one, other] = [textOf(a), textOf(b)];
  if (one === null || other === null || type === undefined) return false;
  // A date's time of day is lost where it is read, and may not be where it is not.
  if (type === "date" && [one, other].some((text) => text.includes(":"))) return false;
  const read = readerOf(type);
  const value = read(one);
  return value !== null && value === read(other);
}
