import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { call, cast, chain, isRow, membership, type Node, not, quantified, typeName } from "./nodes.ts";
import { strengths } from "./operator_strengths.ts";
import { printsAnew } from "./words.ts";

const prefixStrength = 13;

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
      const isNegated = take("not");
      const said = words[at++];
      // PostgreSQL has operators of their own for NOT LIKE and NOT ILIKE.
      const negated = isNegated && said !== "~~" && said !== "~~*";
      const name = isNegated && !negated ? `!${said}` : said?.replace(/^operator /, "");
      const strength = strengths.get(said === name ? said ?? "" : isNegated ? name! : "||");
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
    const symmetric = take("symmetric") || (take("asymmetric"), false);
    const low = expression(strength);
    expect("and");
    const high = expression(strength);
    const beyond = (from: Node, to: Node) => chain("or", [call("<", left, from), call(">", left, to)]);
    if (negated) return symmetric ? chain("and", [beyond(low, high), beyond(high, low)]) : beyond(low, high);
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
    const right = expression(strengths.get("is")!);
    const test =
      name === "is distinct" && isRow(left) && isRow(right) && left.parts.length === right.parts.length
        ? chain("or", left.parts.map((part, place) => call(name, part, right.parts[place]!)))
        : call(name, left, right);
    return negated ? not(test) : test;
  }

  function operand(): Node {
    let node = bare();
    for (;;) {
      if (take("::")) node = cast(node, type());
      else if (words[at] === "[") node = element(node);
      else return node;
    }
  }

  /** `a[1]`, `a[1:2]`, `a[:2]` */
  function element(node: Node): Node {
    expect("[");
    const from = words[at] === ":" ? "" : expression(0);
    const isSlice = take(":");
    const to = !isSlice || words[at] === "]" ? "" : expression(0);
    expect("]");
    return isSlice ? call("[:]", node, from, to) : call("[]", node, from);
  }

  function bare(): Node {
    if (take("not")) return not(expression(strengths.get("not")!));
    if (take("-")) {
      const negated = expression(prefixStrength);
      return typeof negated === "string" && /^\d/.test(negated) ? `-${negated}` : call("-", negated);
    }
    const sign = words[at]?.replace(/^operator /, "");
    if (sign === "~" || sign === "@" || sign === "|/" || sign === "||/" || sign !== words[at]) {
      at++;
      return call(sign!, expression(strengths.get("||")!));
    }
    if (take("+")) return call("+", expression(prefixStrength));
    if (words[at] === "(") {
      const [inner, ...others] = list("(", ")");
      return inner === undefined ? unknown() : others.length > 0 ? call("row", inner, ...others) : inner;
    }
    // Within a list of lists only the first says what it is.
    if (take("array") || words[at] === "[") return { name: "array", parts: list("[", "]") };
    if (take("case")) return branches();
    const word = words[at++];
    if (word === undefined || /^([^\p{L}\p{N}_'"]|(select|exists)$)/u.test(word)) return unknown();
    // `interval '1 day'` comes back as `'1 day'::interval`.
    const typed = /^[a-z]/.test(word) && printsAnew[dialect] ? literalType(word) : null;
    if (typed !== null) return literal(typed);
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

  /** Returns the type that stands before a literal, `timestamp(3) with time zone '…'`; `null` where none does. */
  function literalType(word: string): string | null {
    const start = at;
    const isLong = words[at] === "("
      ? /^\d+ [,)]$/.test(words.slice(at + 1, at + 3).join(" "))
      : !words[at]?.startsWith("'");
    if (!isLong) return words[at] === "(" ? null : typeName(word);
    if (words[at] !== "(" && !/^(?:with|without|varying|precision)$/.test(words[at] ?? "")) return null;
    at--;
    const said = type();
    if (words[at]?.startsWith("'")) return said;
    at = start;
    return null;
  }

  /** `interval '1' day` comes back as `'1 day'::interval day`. */
  function literal(type: string): Node {
    const text = words[at++]!;
    if (type !== "interval") return cast(text, type);
    const [first, last] = fields();
    const said = first !== undefined && /^'-?\d+'$/.test(text)
      ? `${text.slice(0, -1)} ${last ?? first}'`
      : text;
    // Hours and minutes are what two numbers are without it.
    return cast(last === "second" && first === "minute" ? said.replace(/^'(-?)/, "'$10:") : said, type);
  }

  /** `day`, `minute to second` */
  function fields(): readonly string[] {
    const isField = (word: string | undefined) => /^(?:year|month|day|hour|minute|second)$/.test(word ?? "");
    if (!isField(words[at])) return [];
    const first = words[at++]!;
    if (words[at] !== "to" || !isField(words[at + 1])) return [first];
    at += 2;
    return [first, words[at - 1]!];
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
    const text = expression(strengths.get("similar")!);
    if (take(",")) return call("substring", text, ...listed());
    if (take("similar")) {
      const pattern = expression(strengths.get("similar")!);
      expect("escape");
      return call("substring similar", text, pattern, expression(0));
    }
    const from = take("from") ? expression(0) : "1";
    if (!take("for")) return call("substring", text, from);
    const isPattern = typeof from === "string" && from.startsWith("'");
    return call(isPattern ? "substring similar" : "substring", text, from, expression(0));
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
    if (first === "interval") fields();
    if (first === "float") return Number(lengths.slice(1, -1) || 53) < 25 ? "real" : "double precision";
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

/** Leaves the parser, for the comparison to fall back on the words. */
function unknown(): never {
  throw new HarborError("internal", "Cannot parse the expression: it has something that is not known");
}
