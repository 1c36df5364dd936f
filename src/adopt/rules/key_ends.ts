import type { KitTable } from "../../schema/kit_snapshot.ts";
import type { Table } from "../../schema/snapshot.ts";

/** What rows of a table tell themselves apart by, on one side of a bridge. */
type Keys = Pick<KitTable, "compositePrimaryKeys" | "uniqueConstraints">;

/**
 * Returns a table's key of several columns and its UNIQUE constraints on both sides of a bridge: the live table has those of
 * the revision that it has, whatever they are called there. Those that the revision does not know stand on neither side.
 */
export function keyEnds(old: Table, { compositePrimaryKeys, uniqueConstraints }: KitTable): {
  readonly from: Keys;
  readonly to: Keys;
} {
  const hasKey = old.primaryKey.length > 0;
  // A constraint on the very columns of the key is none of its own on PostgreSQL.
  const known = new Set([...old.uniques.map(({ columns }) => columns), old.primaryKey].map(String));
  const uniques = Object.entries(uniqueConstraints).filter(([, { columns }]) => known.has(String(columns)));
  return {
    from: {
      compositePrimaryKeys: hasKey ? compositePrimaryKeys : {},
      uniqueConstraints: Object.fromEntries(uniques),
    },
    to: { compositePrimaryKeys, uniqueConstraints },
  };
}
