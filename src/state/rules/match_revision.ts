import { keyOf } from "../../schema/declared_objects.ts";
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

/** Returns a snapshot with only those of its tables that some revision knows, and with what else one declares marked. */
export function ownTables(schemas: Schemas, live: Snapshot): Snapshot {
  const { known, declared } = namesIn(schemas);
  return {
    ...live,
    tables: live.tables.filter((table) => known.has(table.name)),
    others: live.others.map((each) => declared.has(keyOf(each)) ? { ...each, isDeclared: true } : each),
  };
}

type Schemas = readonly Pick<RevisionSchema, "snapshot">[];

/** Lists of schemas do not change while they are known; a long one takes its time to look through. */
const names = new WeakMap<Schemas, ReturnType<typeof readNames>>();

function namesIn(schemas: Schemas): ReturnType<typeof readNames> {
  const found = names.get(schemas) ?? readNames(schemas);
  names.set(schemas, found);
  return found;
}

function readNames(schemas: Schemas) {
  return {
    known: new Set(schemas.flatMap(({ snapshot }) => snapshot.tables.map(({ name }) => name))),
    declared: new Set(schemas.flatMap(({ snapshot }) => snapshot.others.map(keyOf))),
  };
}
