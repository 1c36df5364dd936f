import { isDefaultSchema } from "../sql/table_names.ts";
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
