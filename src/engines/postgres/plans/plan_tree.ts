import { readJson } from "../session/errors.ts";
import type { Access, QueryPlan } from "../../plans/query_planner.ts";

/** What is read of a node of `EXPLAIN (FORMAT JSON)`. */
interface Node {
  readonly "Node Type": string;
  readonly "Total Cost": number;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Filter?: string;
  readonly "Sort Key"?: readonly string[];
  readonly Plans?: readonly Node[];
}

/**
 * Reads a plan as the server writes it.
 *
 * Source: https://www.postgresql.org/docs/current/sql-explain.html
 *
 * @throws {HarborError} `not_a_database` when the server answered something else
 */
export function readPlan(written: unknown): QueryPlan {
  const answer = typeof written === "string" ? readJson<unknown>(written) : written;
  const root = (answer as readonly { readonly Plan?: Node }[] | null)?.[0]?.Plan;
  // A utility statement has none.
  if (root === undefined) return { lines: [], accesses: [], cost: null };
  const nodes = walk(root, { depth: 0, table: null });
  return {
    lines: nodes.map(({ node, depth }) => `${"  ".repeat(depth)}${describe(node)}`),
    accesses: nodes.flatMap(({ node, table }) => accessOf(node, table)),
    cost: root["Total Cost"],
  };
}

interface Placed {
  readonly node: Node;
  readonly depth: number;
  /** Of which table a bitmap is. */
  readonly table: string | null;
}

function walk(node: Node, { depth, table }: Omit<Placed, "node">): readonly Placed[] {
  const below = node["Relation Name"] ?? table;
  const inner = (node.Plans ?? []).flatMap((each) => walk(each, { depth: depth + 1, table: below }));
  return [{ node, depth, table: below }, ...inner];
}

function accessOf(node: Node, table: string | null): readonly Access[] {
  // The catalogs grow and shrink by the change itself.
  if (table === null || table.startsWith("pg_")) return [];
  const type = node["Node Type"];
  const index = node["Index Name"] ?? null;
  if (index !== null) return [{ table, index, isScan: node["Index Cond"] === undefined }];
  return ["Seq Scan", "Sample Scan"].includes(type) ? [{ table, index: null, isScan: true }] : [];
}

function describe(node: Node): string {
  const index = node["Index Name"];
  const table = node["Relation Name"];
  const parts = [
    node["Node Type"],
    ...index === undefined ? [] : [`using ${index}`],
    ...table === undefined ? [] : [`on ${table}`],
    ...node["Index Cond"] === undefined ? [] : [node["Index Cond"]],
    ...node.Filter === undefined ? [] : [`filter ${node.Filter}`],
    ...node["Sort Key"] === undefined ? [] : [`by ${node["Sort Key"].join(", ")}`],
  ];
  return `${parts.join(" ")} (cost ${node["Total Cost"]})`;
}
