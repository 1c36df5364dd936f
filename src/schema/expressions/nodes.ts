import { shortNames } from "./literal_values.ts";

/** An operator or function and its operands, or the word for a name, a number or a string. */
export type Node = string | Call;

export interface Call {
  readonly name: string;
  readonly parts: readonly Node[];
}

/** Returns a call of an operator or a function. */
export function call(name: string, ...parts: readonly Node[]): Call {
  return { name, parts };
}

/** Says whether a node is a row of several values. */
export function isRow(node: Node): node is Call {
  return typeof node !== "string" && node.name === "row";
}

/** Returns what says the opposite. */
export function not(node: Node): Node {
  return typeof node !== "string" && node.name === "not" ? node.parts[0]! : call("not", node);
}

/** Joins nested uses of AND or OR into one. */
export function chain(name: string, parts: readonly Node[]): Node {
  return {
    name,
    parts: parts.flatMap((part) => typeof part !== "string" && part.name === name ? part.parts : [part]),
  };
}

/** `x IN (…)`; with a single value PostgreSQL makes `x = value` of it. */
export function membership(left: Node, values: readonly Node[]): Node {
  return values.length === 1 ? call("=", left, values[0]!) : call("in", left, ...values);
}

/** Returns one name for a type of several; those of text differ in nothing but their length. */
export function typeName(name: string): string {
  const whole = shortNames[name] ?? name;
  return /^(?:varchar|character varying|char varying|bpchar|char|character)$/.test(whole) ? "text" : whole;
}

/** `x = ANY (…)` and `x <> ALL (…)`, which is what PostgreSQL makes of IN and NOT IN. */
export function quantified(
  left: Node,
  operator: string,
  { every, right }: { every: boolean; right: Node },
): Node {
  while (typeof right !== "string" && right.name === "::") right = right.parts[0]!;
  const values = typeof right !== "string" && right.name === "array" ? right.parts : null;
  if (values !== null && operator === "=" && !every) return membership(left, values);
  if (values !== null && operator === "<>" && every) return not(membership(left, values));
  return call(`${operator} ${every ? "all" : "any"}`, left, right);
}

/**
 * Casts a node to a type. `'-1'::integer` is how PostgreSQL spells a negative number; a float it prints as it read it, and not as it
 * was written. A list is one of casts, as it comes back.
 */
export function cast(node: Node, type: string): Node {
  if (typeof node !== "string" && node.name === "array" && type.endsWith("[]")) {
    const isList = (part: Node) => typeof part !== "string" && part.name === "array";
    return call("array", ...node.parts.map((part) => cast(part, isList(part) ? type : type.slice(0, -2))));
  }
  const number = typeof node === "string" ? /^'(-?[\d.]+)'$/.exec(node) : null;
  if (number === null || !/^(?:smallint|integer|bigint|numeric)\b/.test(type)) return call("::", node, type);
  return type.includes("(") ? call("::", number[1]!, type) : number[1]!;
}
