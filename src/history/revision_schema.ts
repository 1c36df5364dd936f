import { HarborError } from "../base/errors.ts";
import { normalizeDrizzleSnapshot } from "../schema/drizzle_snapshot.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { Revision } from "./history.ts";

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
