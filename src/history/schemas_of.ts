import { HarborError } from "../base/errors.ts";
import { readKitSnapshot } from "../schema/kit_snapshot.ts";
import { namedSchemas } from "../schema/named_schemas.ts";
import type { History, Revision } from "./history.ts";

/** Schemas of a history do not change while it is known. */
const known = new WeakMap<History, readonly string[]>();

/**
 * Returns the schemas beside the default one in which any revision of a history has something, in the order of their names.
 *
 * Snapshots of a long history take their time to read, so all are only read where the newest has such a schema, or a script
 * makes one.
 */
export function schemasOfHistory(history: History): readonly string[] {
  const found = known.get(history) ?? read(history);
  known.set(history, found);
  return found;
}

function read({ dialect, revisions, covered = [] }: History): readonly string[] {
  if (dialect === "sqlite") return [];
  const newest = revisions.slice(-1).flatMap(schemasIn);
  if (newest.length === 0 && !revisions.some(({ makesSchema }) => makesSchema)) return [];
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
