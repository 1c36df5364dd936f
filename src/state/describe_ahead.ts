import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";
import type { Applied } from "../history/applied.ts";
import type { Revision } from "../history/history.ts";
import { requireSchemas } from "./require_schemas.ts";

/** A revision that only the database's ledger knows. */
export interface AheadRevision {
  readonly revision: string;
  readonly name: string;
  /** The harbor-db that applied it. */
  readonly appliedBy: string;
  /**
   * Whether the ledger has the way back past it: its script, that it has none, or a row that was changed since; or whether it
   * has things in a schema that the history does not know.
   */
  readonly wayBack: "ledger" | "none" | "damaged" | "unknown schema";
}

/** Says of revisions that only the ledger knows whether there is a way back past them. */
export function describeAhead(
  revisions: readonly Revision[],
  { database, applied }: { readonly database: Database; readonly applied: readonly Applied[] },
): readonly AheadRevision[] {
  return revisions.map((revision) => describeOne(revision, applied, database));
}

function describeOne(revision: Revision, applied: readonly Applied[], database: Database): AheadRevision {
  const { id, name, ledger } = revision;
  const appliedBy = applied.find(({ revision }) => revision === id)?.appliedBy ?? "";
  const way = ledger?.damage != null ? "damaged" : ledger?.hasDowngrade ? "ledger" : "none";
  const wayBack = way === "ledger" && !knowsSchemas(database, revision) ? "unknown schema" : way;
  return { revision: id, name, appliedBy, wayBack };
}

/** Whether a downgrade would go past a revision, and not refuse it by what it has in schemas of its own. */
function knowsSchemas(database: Database, revision: Revision): boolean {
  try {
    requireSchemas(database, revision);
    return true;
  } catch (error) {
    if (error instanceof HarborError && error.code === "schema_mismatch") return false;
    throw error;
  }
}
