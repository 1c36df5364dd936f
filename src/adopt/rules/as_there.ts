import { filterValues, mapValues } from "../../base/records.ts";
import type { OtherDifference } from "../../schema/compare/others.ts";
import type { KitTable } from "../../schema/kit_snapshot.ts";

/** What is missing or another one beside tables, by path. */
type Others = ReadonlyMap<string, OtherDifference["kind"]>;

interface Kind<Part> {
  pathOf(part: Part): string;
  /** Returns a part that is made anew to become this one. */
  another(part: Part): Part;
}

/** Returns a revision's things as a database has them: without those that are missing there. */
export function asThere<Part>(
  parts: Readonly<Record<string, Part>>,
  others: Others,
  { pathOf, another }: Kind<Part>,
): Record<string, Part> {
  const there = filterValues(parts, (part) => others.get(pathOf(part)) !== "missing");
  return mapValues(there, (part) => others.has(pathOf(part)) ? another(part) : part);
}

interface KitPolicy {
  readonly name: string;
  readonly as?: string;
}

/** Returns a table of a revision with the policies that a database has of it. */
export function withPolicies(table: KitTable, others: Others): KitTable {
  if (table["policies"] === undefined) return table;
  const policies = asThere(table["policies"] as Readonly<Record<string, KitPolicy>>, others, {
    pathOf: ({ name }) => `policy ${name} of ${table.name}`,
    another: (policy) => ({ ...policy, as: policy.as === "RESTRICTIVE" ? "PERMISSIVE" : "RESTRICTIVE" }),
  });
  return { ...table, policies };
}
