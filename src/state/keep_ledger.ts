import type { SQL } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import { createLedger, deleteLedger, readLedger, writeLedger } from "../engines/ledger.ts";
import type { RunContext } from "../engines/run_context.ts";
import { type Applied, isOf } from "../history/applied.ts";
import { type Revision, scriptChecksum } from "../history/history.ts";
import { isOfToday } from "../history/ledger/change_text.ts";
import { damageOf, type LedgerRow, ledgerRowOf } from "../history/ledger/ledger.ts";

/** Returns the statements that put the ways back past revisions of the history into the ledger. */
export function recordWaysBack(context: RunContext, revisions: readonly Revision[]): readonly SQL[] {
  return writeLedger(revisions.map((revision) => rowOf(context, revision, revision.checksum)));
}

/** The same for rows of the version table; of what the history does not have, the ledger keeps what it has. */
export function recordApplied(context: RunContext, applied: readonly Applied[]): readonly SQL[] {
  const revisions = new Map(context.history.revisions.map((revision) => [revision.id, revision]));
  return writeLedger(applied.flatMap((row) => {
    const revision = revisions.get(row.revision);
    if (revision === undefined || revision.ledger !== undefined || !isOf(row, revision)) return [];
    return [rowOf(context, revision, row.checksum)];
  }));
}

function rowOf(
  { history, version, now }: RunContext,
  revision: Revision,
  upgradeChecksum: string,
): LedgerRow {
  const recordedAt = now().toISOString();
  return ledgerRowOf(history, revision, { upgradeChecksum, recordedAt, recordedBy: version });
}

/** Whether the ledger has all that this history could put into it. Reads only. */
export async function isLedgerKept(context: RunContext, applied: readonly Applied[]): Promise<boolean> {
  const ledger = await readLedger(context.database);
  return ledger !== null && missing(context, applied, ledger).length === 0 &&
    strays(applied, ledger).length === 0;
}

/**
 * Brings the ledger to what the history says of what is applied: databases of earlier releases have none, an earlier
 * release leaves rows of what it took back, and a downgrade script may have been mended since. Called under the lock.
 *
 * @returns Whether there is a ledger; one that may not be made is gone without, and that is said
 */
export async function keepLedger(context: RunContext, applied: readonly Applied[]): Promise<boolean> {
  const { database, notify } = context;
  const ledger = await readLedger(database);
  try {
    if (ledger === null) await database.write(createLedger(database.dialect));
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "read_only") throw error;
    notify({
      kind: "note",
      text: `the database does not carry the way back for a release that lacks a revision: ${error.message}`,
    });
    return false;
  }
  const gone = strays(applied, ledger ?? []).map(deleteLedger);
  if (gone.length > 0) await database.write(gone);
  for (const each of recordApplied(context, missing(context, applied, ledger ?? []))) {
    await database.write([each]);
  }
  return true;
}

/** Returns the revisions of which the ledger says something and the version table nothing. */
function strays(applied: readonly Applied[], ledger: readonly LedgerRow[]): readonly string[] {
  const ids = new Set(applied.map(({ revision }) => revision));
  return ledger.map(({ revision }) => revision).filter((revision) => !ids.has(revision));
}

/** Returns what is applied and not in the ledger as the history has it. */
function missing(
  { history }: RunContext,
  applied: readonly Applied[],
  ledger: readonly LedgerRow[],
): readonly Applied[] {
  const rows = new Map(ledger.map((row) => [row.revision, row]));
  const revisions = new Map(history.revisions.map((revision) => [revision.id, revision]));
  return applied.filter((row) => {
    const revision = revisions.get(row.revision);
    if (revision === undefined || revision.ledger !== undefined || !isOf(row, revision)) return false;
    const there = rows.get(row.revision);
    if (there === undefined || damageOf(there, row, history.dialect) !== null) return true;
    const text = revision.downgradeText();
    // A checkout that lost the script does not take it from the database.
    const isOther = text !== null &&
      (there.downgradeChecksum !== scriptChecksum(text) || !isOfToday(there.change));
    return isOther || there.parent !== revision.parent;
  });
}
