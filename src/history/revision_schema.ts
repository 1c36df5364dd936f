import { HarborError } from "../base/errors.ts";
import { normalizeDrizzleSnapshot } from "../schema/drizzle_snapshot.ts";
import { tablesOfHost } from "../schema/host_part.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { namedSchemas } from "../schema/named_schemas.ts";
import type { History, Revision } from "./history.ts";
import { namesSchemas } from "./names_schemas.ts";

/** A revision's schema does not change while it is known; a proof asks for each hundreds of times. */
const schemas = new WeakMap<Revision, Snapshot>();

/** Returns the schema after a revision in normal form. */
export function snapshotOf(revision: Revision): Snapshot {
  const schema = schemas.get(revision) ?? normalizeDrizzleSnapshot(readKitSnapshot(revision.snapshot()));
  schemas.set(revision, schema);
  return schema;
}

/** Returns the schema after a revision in normal form; `null` when its snapshot was lost, as old ones sometimes are. */
export function snapshotIfThere(revision: Revision): Snapshot | null {
  try {
    return snapshotOf(revision);
  } catch (error) {
    if (error instanceof HarborError && error.details.isMissing === true) return null;
    throw error;
  }
}

/**
 * Returns the tables that a revision's snapshot names and that are the host's, see `HostSchemas`: whether they are, only who knows the host can tell.
 * Of a lost snapshot nobody knows.
 */
export function tablesLeftToHost(revision: Revision): readonly string[] {
  const isKnown = revision.namesSchema() && snapshotIfThere(revision) !== null;
  return isKnown ? tablesOfHost(readKitSnapshot(revision.snapshot())) : [];
}

/** Schemas of a history do not change while it is known. */
const schemasOf = new WeakMap<History, readonly string[]>();

/** Returns the schemas beside the default one in which any revision of a history has something, in the order of their names. */
export function schemasOfHistory(history: History): readonly string[] {
  const found = schemasOf.get(history) ?? readSchemas(history);
  schemasOf.set(history, found);
  return found;
}

function readSchemas(history: History): readonly string[] {
  if (!namesSchemas(history)) return [];
  const { revisions, covered = [] } = history;
  return [...new Set([...covered, ...revisions].flatMap(schemasIn))].toSorted();
}

/** What cannot be read is for who needs it to say. */
function schemasIn(revision: Revision): readonly string[] {
  try {
    return namedSchemas(readKitSnapshot(revision.snapshot()));
  } catch (error) {
    if (error instanceof HarborError) return [];
    throw error;
  }
}
