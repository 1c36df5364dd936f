import type { SQL } from "drizzle-orm";
import type { Database } from "../engines/database.ts";
import { type Kept, nameKeptAnew, readKept } from "../engines/kept_table.ts";
import { deleteLedger, readLedger, writeLedger } from "../engines/ledger.ts";
import type { RunContext } from "../engines/run_context.ts";
import { renameApplied } from "../engines/version_table.ts";
import type { Applied } from "../history/applied.ts";
import { underIds } from "../history/ledger/ledger.ts";
import { underPresentRevisions } from "./rules/present_kept.ts";

/**
 * Has the version table, the ledger and the registry of kept data call revisions by their ids of today, in one batch: by the rows of
 * the first the others are told. Called under the lock.
 */
export async function nameAnew(
  { database, history }: Pick<RunContext, "database" | "history">,
  applied: readonly Applied[],
): Promise<void> {
  const kept = await readKept(database);
  const present = underPresentRevisions(kept, { history, applied });
  const isOther = ({ revision }: Kept, at: number) => revision !== kept[at]!.revision;
  const statements = [
    ...renameApplied(applied),
    ...await nameLedgerAnew(database, applied),
    ...present.filter(isOther).map(nameKeptAnew),
  ];
  if (statements.length > 0) await database.write(statements);
}

/** What only a ledger knows is placed by its parent; and a way back that the folder lost stays on record. */
async function nameLedgerAnew(database: Database, applied: readonly Applied[]): Promise<readonly SQL[]> {
  const ids = new Map(
    applied.flatMap(({ revision, recordedAs }) => recordedAs ? [[recordedAs, revision]] : []),
  );
  if (ids.size === 0) return [];
  const rows = await readLedger(database) ?? [];
  const renamed = rows.map((row) => underIds(row, (id) => ids.get(id) ?? id));
  const changed = renamed.filter(({ checksum }, at) => checksum !== rows[at]!.checksum);
  const gone = rows.filter(({ revision }, at) => revision !== renamed[at]!.revision);
  return [...gone.map(({ revision }) => deleteLedger(revision)), ...writeLedger(changed)];
}
