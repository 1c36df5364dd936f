import { hostTable, isDefaultSchema } from "../sql/table_names.ts";
import type { KitSnapshot } from "./kit_snapshot.ts";

/** Returns the schemas beside the default one in which a snapshot of drizzle-kit has something, in the order of their names. */
export function namedSchemas(
  { tables, enums = {}, views = {}, sequences = {} }: KitSnapshot,
): readonly string[] {
  const things = [
    ...Object.values(tables),
    ...Object.values(enums),
    // Somebody else makes those.
    ...Object.values(views).filter(({ isExisting }) => isExisting !== true),
    ...Object.values(sequences),
  ];
  const schemas = things.map(({ schema }) => schema)
    .filter((schema): schema is string => !isDefaultSchema(schema));
  return [...new Set(schemas)].toSorted();
}

/**
 * Returns the schemas of the tables to which a flattened snapshot refers and which it does not have: they are the host's, which no
 * revision makes.
 */
export function hostSchemas({ tables }: KitSnapshot): readonly string[] {
  const own = new Set(Object.values(tables).map(({ name }) => name));
  const targets = Object.values(tables).flatMap(({ foreignKeys }) =>
    Object.values(foreignKeys).map(({ tableTo }) => tableTo)
  );
  return [
    ...new Set(targets.filter((name) => !own.has(name)).flatMap((name) => hostTable(name)?.schema ?? [])),
  ];
}
