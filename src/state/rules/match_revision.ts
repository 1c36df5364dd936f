import { onceFor } from "../../base/once_for.ts";
import { keyOf, mayBeDeclared } from "../../schema/declared_objects.ts";
import { compareSnapshots, type Difference } from "../../schema/compare/snapshots.ts";
import type { Snapshot } from "../../schema/snapshot.ts";

/** What a revision leaves behind. */
export interface RevisionSchema {
  readonly revision: string;
  readonly snapshot: Snapshot;
}

/** The revision that a schema equals, or is nearest to. */
export interface Match {
  /** `null` for base, which only a schema without any known table equals. */
  readonly revision: string | null;
  /** Whether nothing differs. */
  readonly exact: boolean;
  /** In what the schema differs from the revision's. */
  readonly differences: readonly Difference[];
}

/**
 * Finds the revision that a live schema equals, or the one from which it differs in the fewest places; of several the
 * latest. Tables that no revision knows are another program's and do not count.
 */
export function matchRevision(schemas: readonly RevisionSchema[], live: Snapshot): Match {
  const own = ownTables(schemas, live);
  if (own.tables.length === 0) return { revision: null, exact: true, differences: [] };
  const matches = schemas.map(({ revision, snapshot }): Match => {
    const differences = compareSnapshots(snapshot, own);
    return { revision, exact: differences.length === 0, differences };
  });
  const fewest = Math.min(...matches.map((match) => match.differences.length));
  return matches.findLast((match) => match.differences.length === fewest) ??
    { revision: null, exact: false, differences: [] };
}

/**
 * Returns a snapshot with only those of its tables that some revision knows, and with what else one declares marked.
 *
 * @param schemas Read one after the other, as long as something is there that none before it knows
 */
export function ownTables(schemas: Schemas, live: Snapshot): Snapshot {
  const { knows, declares } = namesIn(schemas);
  return {
    ...live,
    tables: live.tables.filter((table) => knows(table.name)),
    others: live.others.map((each) =>
      mayBeDeclared(each) && declares(keyOf(each)) ? { ...each, isDeclared: true } : each
    ),
  };
}

/** The schemas of revisions, in any order. */
export type Schemas = Iterable<Pick<RevisionSchema, "snapshot">>;

/** Schemas do not change while they are known; a long list takes its time to look through. */
const namesIn = onceFor((schemas: Schemas) => {
  const left = schemas[Symbol.iterator]();
  const known = new Set<string>();
  const declared = new Set<string>();
  const isIn = (names: ReadonlySet<string>) => (name: string) => {
    while (!names.has(name)) {
      const next = left.next();
      if (next.done === true) return false;
      const { tables, others } = next.value.snapshot;
      for (const table of tables) known.add(table.name);
      for (const each of others) declared.add(keyOf(each));
    }
    return true;
  };
  return { knows: isIn(known), declares: isIn(declared) };
});
