import { quoteText } from "../quote.ts";
import type { Operation, OtherKind } from "./operation.ts";
import { asNode, lastName, list, nameText, type Node, tableOf, text } from "./postgres_nodes.ts";

/** Reads what a statement does to other things than tables. */
export const otherReaders: Readonly<Record<string, (body: Node) => readonly Operation[]>> = {
  CreateEnumStmt: (body) => made("type", lastName(body["typeName"])),
  CreateRangeStmt: (body) => made("type", lastName(body["typeName"])),
  CompositeTypeStmt: (body) => made("type", tableOf(body["typevar"])),
  CreateDomainStmt: (body) => made("domain", lastName(body["domainname"])),
  CreateFunctionStmt: (body) =>
    made(body["is_procedure"] === true ? "procedure" : "function", lastName(body["funcname"])),
  ViewStmt: (body) => made("view", tableOf(body["view"])),
  CreateSchemaStmt: (body) => made("schema", text(body["schemaname"])),
  AlterEnumStmt: (body) => {
    const [name, value, to] = [lastName(body["typeName"]), text(body["oldVal"]), text(body["newVal"])];
    return value === ""
      ? [{ kind: "add enum value", what: to }]
      : [{ kind: "rename other", what: "type", name, value: quoteText(value), to: quoteText(to) }];
  },
  AlterObjectSchemaStmt: (body) =>
    renameOther(body["objectType"], body, (name) => `${text(body["newschema"])}.${name}`),
};

/** Returns how something gets another name, or a table another schema; nothing for what no query names. */
export function renameOther(
  type: unknown,
  body: Node,
  nameNow: (name: string) => string,
): readonly Operation[] {
  const what = kinds[text(type)];
  if (what === undefined) return [];
  const name = what === "schema"
    ? text(body["subname"])
    : nameOf(body["object"]) || tableOf(body["relation"]);
  return [{ kind: "rename other", what, name, to: nameNow(name) }];
}

/** Returns what a DROP takes away; nothing for tables, and what no query names. */
export function dropOthers(body: Node): readonly Operation[] {
  const what = kinds[text(body["removeType"])];
  if (what === undefined || what === "table") return [];
  const isCascade = body["behavior"] === "DROP_CASCADE";
  return list(body["objects"]).map((each) => ({ kind: "drop other", what, name: nameOf(each), isCascade }));
}

function nameOf(object: unknown): string {
  const node = asNode(object);
  const names = asNode(node["List"])["items"] ?? asNode(node["ObjectWithArgs"])["objname"] ??
    asNode(node["TypeName"])["names"];
  return names === undefined ? nameText(node) : lastName(names);
}

/** Says that something else than a table is made. */
export function made(what: OtherKind, name: string): readonly Operation[] {
  return [{ kind: "create other", what, name }];
}

const kinds: Readonly<Record<string, OtherKind | "table">> = {
  OBJECT_TABLE: "table",
  OBJECT_SCHEMA: "schema",
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "domain",
  OBJECT_FUNCTION: "function",
  OBJECT_ROUTINE: "function",
  OBJECT_PROCEDURE: "procedure",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "view",
};
