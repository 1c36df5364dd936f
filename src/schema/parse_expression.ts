import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { shortNames } from "./literal_values.ts";

/** An operator or function and its operands, or the word for a name, a number or a string. */
export type Node = string | Call;

export interface Call {
  readonly name: string;
  readonly parts: readonly Node[];
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
    ["in", "between", "similar", "~~", "!~~", "~~*", "!~~*"],
    [
      "||",
      "->",
      "->>",
      "~",
      "!~",
      "~*",
      "!~*",
      "#>",
      "#>>",
      "@>",
      "<@",
      "&&",
      "^@",
      "&",
      "|",
      "#",
      "<<",
      ">>",
      "?",
      "@@",
    ],
    ["+", "-"],
    ["*", "/", "%"],
    ["^"],
    ["at"],
    ["collate"],
  ].flatMap((names, level) => names.map((name) => [name, level + 1] as const)),
);
const prefixStrength = 13;

/** Whether an engine prints an expression in its own words. SQLite keeps what was written, and a cast counts there. */
const printsAnew: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/**
 * Returns what an expression, or a column of an index with its order, says; what PostgreSQL spells in several ways
 * (`trim(s)`, `TRIM(BOTH FROM s)`) in one, and casts as calls of `::`.
 *
 * @throws {HarborError} `internal` when it has something that is not known
 */
export function parseExpression(words: readonly string[], dialect: Dialect): Node {
  let at = 0;
  /** Calls with words between their operands, each as the function that PostgreSQL makes of it. */
  const specials: Readonly<Record<string, () => Node>> = {
    cast: castCall,
    trim,
    extract,
    substring,
    position,
    overlay,
  };
  const whole = expression(0);
  return at < words.length ? ordered(whole) : whole;

  /** The operator class and order of an index's column; what an order is without saying so is left out. */
  function ordered(column: Node): Node {
    const operators = /^[a-z_0-9]+_ops$/.test(words[at]!) ? words[at++]! : "";
    const order = take("desc") ? "desc" : "";
    if (order === "") take("asc");
    const nulls = take("nulls") ? words[at++] : undefined;
    if (at < words.length || (nulls !== undefined && nulls !== "first" && nulls !== "last")) unknown();
    const usual = order === "desc" ? "first" : "last";
    const said = nulls === undefined || nulls === usual ? "" : nulls;
    return operators + order + said === "" ? column : call("ordered", column, operators, order, said);
  }

  function expression(above: number): Node {
    let left = operand();
    for (;;) {
      const start = at;
      if (above < strengths.get("is")! && (words[at] === "isnull" || words[at] === "notnull")) {
        const test = call("is", left, "null");
        left = words[at++] === "notnull" ? not(test) : test;
        continue;
      }
      const negated = take("not");
      const name = words[at++];
      const strength = name === undefined ? undefined : strengths.get(name);
      if (name === undefined || strength === undefined || strength <= above) {
        at = start;
        return left;
      }
      if (name === "between") left = between(left, { strength, negated });
      else {
        const applied = name === "is" ? isTest(left) : binary(left, name, strength);
        left = negated ? not(applied) : applied;
      }
    }
  }

  function binary(left: Node, name: string, strength: number): Node {
    if (name === "in") return membership(left, list("(", ")"));
    if (name === "at") return zoned(left);
    if (name === "similar") {
      expect("to");
      return call("~", left, escaped("similar_to_escape", expression(strength), strength));
    }
    const every = take("all");
    if (every || take("any") || take("some")) return quantified(left, name, { every, right: operand() });
    const said = expression(strength);
    const right = name.includes("~~") && words[at] === "escape"
      ? escaped("like_escape", said, strength)
      : said;
    if (name === "and" || name === "or") return chain(name, [left, right]);
    // PostgreSQL has `NOT LIKE`, `NOT ILIKE` and `<>` as operators of their own.
    return name.startsWith("!")
      ? not(call(name.slice(1), left, right))
      : name === "<>"
      ? not(call("=", left, right))
      : call(name, left, right);
  }

  function between(left: Node, { strength, negated }: { strength: number; negated: boolean }): Node {
    const symmetric = take("symmetric");
    if (!symmetric) take("asymmetric");
    const low = expression(strength);
    expect("and");
    const high = expression(strength);
    if (negated && symmetric) unknown();
    if (negated) return chain("or", [call("<", left, low), call(">", left, high)]);
    const within = (from: Node, to: Node) => chain("and", [call(">=", left, from), call("<=", left, to)]);
    return symmetric ? chain("or", [within(low, high), within(high, low)]) : within(low, high);
  }

  function escaped(name: string, pattern: Node, strength: number): Node {
    return take("escape") ? call(name, pattern, expression(strength)) : call(name, pattern);
  }

  /** `d AT TIME ZONE z` is a call of `timezone(z, d)`. */
  function zoned(left: Node): Node {
    if (take("local")) return call("timezone", left);
    expect("time"), expect("zone");
    return call("timezone", expression(strengths.get("at")!), left);
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
    for (;;) {
      if (take("::")) node = cast(node, type());
      else if (words[at] === "[") node = { name: "[]", parts: [node, ...list("[", "]")] };
      else return node;
    }
  }

  function bare(): Node {
    if (take("not")) return not(expression(strengths.get("not")!));
    if (take("-")) {
      const negated = expression(prefixStrength);
      return typeof negated === "string" && /^\d/.test(negated) ? `-${negated}` : call("-", negated);
    }
    const sign = words[at];
    if (sign === "~" || sign === "@") {
      at++;
      return call(sign, expression(strengths.get("||")!));
    }
    if (take("+")) return call("+", expression(prefixStrength));
    if (words[at] === "(") {
      const [inner, ...others] = list("(", ")");
      return inner === undefined || others.length > 0 ? unknown() : inner;
    }
    if (take("array")) return { name: "array", parts: list("[", "]") };
    if (take("case")) return branches();
    const word = words[at++];
    if (word === undefined || /^([^\p{L}\p{N}_'"]|(select|exists)$)/u.test(word)) return unknown();
    // `interval '1 day'` comes back as `'1 day'::interval`.
    if (words[at]?.startsWith("'") && /^[a-z]/.test(word)) return literal(word);
    if (words[at] !== "(") return word === "cast" ? unknown() : word;
    const special = printsAnew[dialect] ? specials[word] : undefined;
    if (special === undefined) return word === "cast" ? unknown() : { name: word, parts: list("(", ")") };
    at++;
    const made = special();
    expect(")");
    return made;
  }

  /** `CASE [x] WHEN a THEN b … [ELSE c] END`; without ELSE it is NULL. */
  function branches(): Node {
    const parts: Node[] = [words[at] === "when" ? "" : expression(0)];
    while (take("when")) {
      parts.push(expression(0));
      expect("then");
      parts.push(expression(0));
    }
    parts.push(take("else") ? expression(0) : "null");
    expect("end");
    return { name: "case", parts };
  }

  /** `interval '1' day` comes back as `'1 day'::interval day`. */
  function literal(type: string): Node {
    const text = words[at++]!;
    const unit = type === "interval" && /^(?:year|month|day|hour|minute|second)$/.test(words[at] ?? "")
      ? words[at++]
      : null;
    const said = unit !== null && /^'-?\d+'$/.test(text) ? `${text.slice(0, -1)} ${unit}'` : text;
    return printsAnew[dialect] ? cast(said, typeName(type)) : said;
  }

  function castCall(): Node {
    const node = expression(0);
    expect("as");
    return cast(node, type());
  }

  function trim(): Node {
    const name = take("leading") ? "ltrim" : take("trailing") ? "rtrim" : (take("both"), "btrim");
    const first = words[at] === "from" ? null : expression(0);
    if (take("from")) return call(name, expression(0), ...first === null ? [] : [first]);
    return call(name, first ?? unknown(), ...take(",") ? [expression(0)] : []);
  }

  function extract(): Node {
    if (words[at + 1] !== "from") return call("extract", ...listed());
    const field = words[at++]!.replaceAll("'", "");
    expect("from");
    return call("extract", `'${field}'`, expression(0));
  }

  function substring(): Node {
    const text = expression(0);
    if (take(",")) return call("substring", text, ...listed());
    const from = take("from") ? expression(0) : "1";
    return call("substring", text, from, ...take("for") ? [expression(0)] : []);
  }

  function position(): Node {
    const part = expression(strengths.get("in")!);
    if (take(",")) return call("position", part, expression(0));
    expect("in");
    return call("position", expression(0), part);
  }

  function overlay(): Node {
    const text = expression(0);
    if (take(",")) return call("overlay", text, ...listed());
    expect("placing");
    const part = expression(0);
    expect("from");
    return call("overlay", text, part, expression(0), ...take("for") ? [expression(0)] : []);
  }

  function listed(): readonly Node[] {
    const parts = [expression(0)];
    while (take(",")) parts.push(expression(0));
    return parts;
  }

  function list(open: string, close: string): readonly Node[] {
    expect(open);
    if (take(close)) return [];
    const parts = listed();
    expect(close);
    return parts;
  }

  /** `character varying(20)[]`, `timestamp(3) without time zone`. */
  function type(): string {
    const first = words[at++] ?? unknown();
    if (!/^[\p{L}"]/u.test(first)) unknown();
    const name = take("varying") ? `${first} varying` : take("precision") ? `${first} precision` : first;
    const lengths = words[at] === "(" ? `(${list("(", ")").join(",")})` : "";
    const zone = take("without") ? " without time zone" : take("with") ? " with time zone" : "";
    if (zone !== "") expect("time"), expect("zone");
    if (first === "interval" && /^(?:year|month|day|hour|minute|second)$/.test(words[at] ?? "")) at++;
    let isArray = false;
    while (take("[")) {
      isArray = true;
      if (!take("]")) at++, expect("]");
    }
    return `${typeName(name + zone)}${/^(?:char|character|bpchar|interval)$/.test(name) ? "" : lengths}${
      isArray ? "[]" : ""
    }`;
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

/** Returns a call of an operator or a function. */
export function call(name: string, ...parts: readonly Node[]): Call {
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

/** Returns one name for a type of several; those of text differ in nothing but their length. */
function typeName(name: string): string {
  const whole = shortNames[name] ?? name;
  return /^(?:varchar|character varying|char varying|bpchar|char|character)$/.test(whole) ? "text" : whole;
}

/** `x = ANY (…)` and `x <> ALL (…)`, which is what PostgreSQL makes of IN and NOT IN. */
function quantified(left: Node, operator: string, { every, right }: { every: boolean; right: Node }): Node {
  while (typeof right !== "string" && right.name === "::") right = right.parts[0]!;
  const values = typeof right !== "string" && right.name === "array" ? right.parts : null;
  if (values !== null && operator === "=" && !every) return membership(left, values);
  if (values !== null && operator === "<>" && every) return not(membership(left, values));
  return call(`${operator} ${every ? "all" : "any"}`, left, right);
}

/** `'-1'::integer` is how PostgreSQL spells a negative number. */
function cast(node: Node, type: string): Node {
  const number = typeof node === "string" ? /^'(-?[\d.]+)'$/.exec(node) : null;
  return number !== null && /^(?:smallint|integer|bigint|numeric|real|double precision)\b/.test(type)
    ? number[1]!
    : call("::", node, type);
}

/** Leaves the parser, for the comparison to fall back on the words. */
function unknown(): never {
  throw new HarborError("internal", "Cannot parse the expression: it has something that is not known");
}
