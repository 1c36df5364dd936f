import { headOf, type History } from "../history/history.ts";
import { snapshotIfThere, snapshotOf } from "../history/revision_schema.ts";

/** Returns the names of the tables of head, and of what only the database's ledger knows. */
export function ownNames(history: History): readonly string[] {
  const head = headOf(history);
  const ahead = history.revisions.filter(({ ledger }) => ledger !== undefined).map(snapshotIfThere);
  const schemas = [...head === undefined ? [] : [snapshotOf(head)], ...ahead];
  return [...new Set(schemas.flatMap((schema) => schema?.tables ?? []).map(({ name }) => name))];
}
