import { isRecord } from "../../base/json_schema.ts";

/** A node of the tree that PostgreSQL's parser makes. */
export type Node = Readonly<Record<string, unknown>>;

/** Returns a node; one without anything for what is none. */
export function asNode(value: unknown): Node {
  return isRecord(value) ? value : {};
}

/** Returns a list; an empty one for what is none. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Returns a text; "" for what is none. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Returns the name of a relation, without its schema. */
export function tableOf(relation: unknown): string {
  return text(asNode(relation)["relname"]);
}

/** Returns what a node of a name says. */
export function nameText(node: unknown): string {
  return text(asNode(asNode(node)["String"])["sval"]);
}

/** Returns the last of the names in a list, before which its schema may stand. */
export function lastName(names: unknown): string {
  return list(names).map(nameText).at(-1) ?? "";
}
