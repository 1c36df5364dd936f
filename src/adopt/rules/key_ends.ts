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
  const isOnKey = (columns: readonly string[]) => String(columns) === String(old.primaryKey);
  const uniques = Object.values(uniqueConstraints).flatMap((wanted) => {
    const twins = old.uniques.filter(({ columns }) => String(columns) === String(wanted.columns));
    const { nullsNotDistinct = false } = wanted;
    const isSame = twins.some(({ nullsAlike = false }) => nullsAlike === nullsNotDistinct);
    const [twin] = twins;
    if (isSame || isOnKey(wanted.columns)) return [wanted];
    // Another constraint takes its place: what NULLs are to one cannot be changed.
    return twin === undefined
      ? []
      : [{ ...wanted, name: twin.name ?? wanted.name, nullsNotDistinct: !nullsNotDistinct }];
  });
  return {
    from: {
      compositePrimaryKeys: hasKey ? compositePrimaryKeys : {},
      uniqueConstraints: Object.fromEntries(uniques.map((each) => [each.name, each])),
    },
    to: { compositePrimaryKeys, uniqueConstraints },
  };
}

/**
 * Has SQLite copy a table that lacks a UNIQUE constraint, which no statement adds to one that is there and drizzle-kit passes
 * over: a check that only the live side has is a reason to copy for it. The copy gets the constraint with those that are kept.
 */
export function withCopyMark({ from, to }: { readonly from: KitTable; readonly to: KitTable }) {
  const isThere = (name: string) => from.uniqueConstraints[name] !== undefined;
  if (Object.keys(to.uniqueConstraints).every(isThere)) return { from, to };
  const mark = { name: `${to.name}_harbor_copy`, value: "'harbor copy'" };
  return { from: { ...from, checkConstraints: { ...from.checkConstraints, [mark.name]: mark } }, to };
}
