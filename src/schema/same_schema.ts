import { isRecord } from "../base/json_schema.ts";
import { filterValues, mapValues } from "../base/records.ts";
import type { KitSnapshot } from "./kit_snapshot.ts";
import { namedSchemas } from "./named_schemas.ts";

/**
 * Says whether two snapshots hold the same schema, whatever the order in which they name things, and whichever kit wrote
 * them: what an older one leaves out is what a newer one says of nothing.
 */
export function sameSchema(a: KitSnapshot, b: KitSnapshot): boolean {
  return canonical(saidBy(a)) === canonical(saidBy(b));
}

/** Fields of a snapshot that say nothing of its schema: which file it is, what was asked when it was made, and what is the host's. */
const aside: readonly string[] = ["id", "prevId", "version", "_meta", "internal", "ofHost"];

/** What the fields of a part are when a snapshot does not say. */
const unsaid: Readonly<Record<string, unknown>> = {
  asc: true,
  method: "btree",
  onDelete: "no action",
  onUpdate: "no action",
};

function saidBy(snapshot: KitSnapshot): unknown {
  const said = filterValues(snapshot, (_, name) => !aside.includes(name));
  // A schema is named by what is in it, too: drizzle-kit lists those that are exported by themselves.
  const named = Object.fromEntries(namedSchemas(snapshot).map((name) => [name, name]));
  return withoutUnsaid({
    ...said,
    schemas: { ...isRecord(said["schemas"]) ? said["schemas"] : {}, ...named },
  });
}

/** Leaves out the fields that say no more than their absence; of a default all that is there counts. */
function withoutUnsaid(value: unknown, field?: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutUnsaid(item));
  if (!isRecord(value) || field === "default") return value;
  // Behind DESC PostgreSQL puts NULLs first.
  const rules = value["asc"] === false ? unsaid : { ...unsaid, nulls: "last" };
  const isSaid = (item: unknown, name: string) =>
    name === "default" || !(name in rules ? item === rules[name] : isNothing(item));
  return filterValues(mapValues(value, withoutUnsaid), isSaid);
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === "" ||
    (Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0);
}

/** Returns any JSON value as text in which the order of an object's fields does not show. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) => isRecord(item) ? sorted(item) : item);
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => a < b ? -1 : 1));
}
