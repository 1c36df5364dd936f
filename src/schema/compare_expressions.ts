import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { onceForText } from "../base/once_for.ts";
import { expressionWords } from "./expression_words.ts";

/**
 * Says whether two SQL expressions (defaults, checks, conditions of indexes) are the same but for their spelling.
 *
 * PostgreSQL does not keep what was written: `x IN ('a','b')` comes back as
 * `((x)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))`. So both are parsed, and what
 * it adds or rewrites (casts, parentheses, `IN`, `BETWEEN`) is brought to one form. What the parser does not know
 * (`CASE`, subqueries) is compared word by word. It errs towards "different", except that casts do not count.
 */
export function isSameExpression(a: string, b: string, dialect: Dialect): boolean {
  return a === b || canonical(a, dialect) === canonical(b, dialect);
}

const canonical = onceForText((text: string, dialect: Dialect): string => {
  // What makes a generated column is compared like a default.
  const [, made, kind] = /^GENERATED ALWAYS AS \((.*)\) (STORED|VIRTUAL)$/s.exec(text) ?? [];
  if (made !== undefined) return `${kind} ${canonical(made, dialect)}`;
  let words: readonly string[] = [text];
  try {
    words = expressionWords(text, dialect);
    return print(parse(words));
  } catch (error) {
    if (error instanceof HarborError) return words.join(" ");
    throw error;
  }
});

/** An operator or function and its operands, or the word for a name, a number or a string. */
type Node = string | Call;

interface Call {
  readonly name: string;
  readonly parts: readonly Node[];
}

function print(node: Node): string {
  return typeof node === "string" ? node : `${node.name}(${node.parts.map(print).join(", ")})`;
}

/**
 * How strongly the operators bind, in PostgreSQL's order.
 * Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-PRECEDENCE
 */
const strengths = new Map(
  [
    ["or"],
    ["and"],
    ["not"],
    ["is"],
    ["<", ">", "=", "<=", ">=", "<>"],
    ["in", "between", "~~", "!~~", "~~*", "!~~*"],
    ["||", "->", "->>", "~", "!~", "~*", "!~*"],
    ["+", "-"],
    ["*", "/", "%"],
  ].flatMap((names, level) => names.map((name) => [name, level + 1] as const)),
);
const prefixStrength = 10;

function parse(words: readonly string[]): Node {
  let at = 0;
  const whole = expression(0);
  if (at < words.length) unknown();
  return whole;

  function expression(above: number): Node {
    let left = operand();
    for (;;) {
      const start = at;
      const negated = take("not");
      const name = words[at++];
      const strength = name === undefined ? undefined : strengths.get(name);
      if (name === undefined || strength === undefined || strength <= above) {
        at = start;
        return left;
      }
      const applied = name === "is" ? isTest(left) : binary(left, name, strength);
      left = negated ? not(applied) : applied;
    }
  }

  function binary(left: Node, name: string, strength: number): Node {
    if (name === "in") return membership(left, list("(", ")"));
    if (name === "between") {
      const low = expression(strength);
      expect("and");
      return chain("and", [call(">=", left, low), call("<=", left, expression(strength))]);
    }
    const every = take("all");
    if (every || take("any") || take("some")) return quantified(left, name, { every, right: operand() });
    const right = expression(strength);
    if (name === "and" || name === "or") return chain(name, [left, right]);
    // PostgreSQL has `NOT LIKE`, `NOT ILIKE` and `<>` as operators of their own.
    return name.startsWith("!")
      ? not(call(name.slice(1), left, right))
      : name === "<>"
      ? not(call("=", left, right))
      : call(name, left, right);
  }

  function isTest(left: Node): Node {
    const negated = take("not");
    const name = take("distinct") ? "is distinct" : "is";
    if (name === "is distinct") expect("from");
    const test = call(name, left, expression(strengths.get("is")!));
    return negated ? not(test) : test;
  }

  function operand(): Node {
    let node = bare();
    while (take("::")) node = cast(node, type());
    return node;
  }

  function bare(): Node {
    if (take("not")) return not(expression(strengths.get("not")!));
    if (take("-")) {
      const negated = expression(prefixStrength);
      return typeof negated === "string" && /^\d/.test(negated) ? `-${negated}` : call("-", negated);
    }
    if (words[at] === "(") {
      const [inner, ...others] = list("(", ")");
      return inner === undefined || others.length > 0 ? unknown() : inner;
    }
    if (take("array")) return { name: "array", parts: list("[", "]") };
    const word = words[at++];
    if (word === undefined || /^([^\p{L}\p{N}_'"]|(case|cast|select|exists)$)/u.test(word)) return unknown();
    // `interval '1 day'` comes back as `'1 day'::interval`.
    if (words[at]?.startsWith("'") && /^[a-z]/.test(word)) return words[at++]!;
    return words[at] === "(" ? { name: word, parts: list("(", ")") } : word;
  }

  function list(open: string, close: string): readonly Node[] {
    expect(open);
    const parts: Node[] = [];
    if (take(close)) return parts;
    do parts.push(expression(0)); while (take(","));
    expect(close);
    return parts;
  }

  /** `character varying(20)[]`, `timestamp(3) without time zone`. */
  function type(): string {
    const name = words[at++] ?? unknown();
    if (!/^[\p{L}"]/u.test(name)) unknown();
    take("varying") || take("precision");
    if (words[at] === "(") list("(", ")");
    if (take("without") || take("with")) expect("time"), expect("zone");
    while (take("[")) expect("]");
    return name;
  }

  function take(word: string): boolean {
    if (words[at] !== word) return false;
    at++;
    return true;
  }

  function expect(word: string): void {
    if (!take(word)) unknown();
  }
}

function call(name: string, ...parts: readonly Node[]): Call {
  return { name, parts };
}

function not(node: Node): Node {
  return typeof node !== "string" && node.name === "not" ? node.parts[0]! : call("not", node);
}

/** Joins nested uses of AND or OR into one. */
function chain(name: string, parts: readonly Node[]): Node {
  return {
    name,
    parts: parts.flatMap((part) => typeof part !== "string" && part.name === name ? part.parts : [part]),
  };
}

/** `x IN (…)`; with a single value PostgreSQL makes `x = value` of it. */
function membership(left: Node, values: readonly Node[]): Node {
  return values.length === 1 ? call("=", left, values[0]!) : call("in", left, ...values);
}

/** `x = ANY (…)` and `x <> ALL (…)`, which is what PostgreSQL makes of IN and NOT IN. */
function quantified(left: Node, operator: string, { every, right }: { every: boolean; right: Node }): Node {
  const values = typeof right !== "string" && right.name === "array" ? right.parts : null;
  if (values !== null && operator === "=" && !every) return membership(left, values);
  if (values !== null && operator === "<>" && every) return not(membership(left, values));
  return call(`${operator} ${every ? "all" : "any"}`, left, right);
}

/** A cast does not count, but for `'-1'::integer`, which is how PostgreSQL spells a negative number. */
function cast(node: Node, type: string): Node {
  const number = typeof node === "string" ? /^'(-?[\d.]+)'$/.exec(node) : null;
  return number !== null && /^(smallint|integer|bigint|numeric|real|double)$/.test(type) ? number[1]! : node;
}

/** Leaves the parser, for {@link canonical} to fall back on the words. */
function unknown(): never {
  throw new HarborError("internal", "Cannot parse the expression: it has something that is not known");
}
