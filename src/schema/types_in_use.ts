import { columnTypes } from "./declared_objects.ts";
import type { KitSnapshot } from "./kit_snapshot.ts";
import { nameIn } from "../sql/table_names.ts";

/**
 * Returns a revision's snapshot with the types that its columns have and it does not name: drizzle-kit passes over a type that
 * schema.ts does not export, and the script that makes the columns was completed by hand. They are there, as `to` says them.
 */
export function withTypesInUse(from: KitSnapshot, to: KitSnapshot): KitSnapshot {
  const used = new Set(Object.values(from.tables).flatMap(columnTypes));
  const missing = Object.entries(to.enums ?? {}).filter(([key, each]) =>
    from.enums?.[key] === undefined && used.has(nameIn(each["schema"], each.name))
  );
  return missing.length === 0 ? from : { ...from, enums: { ...from.enums, ...Object.fromEntries(missing) } };
}
