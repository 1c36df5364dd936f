import type { SQL } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import { createLedger, deleteLedger, readLedger, writeLedger } from "../engines/ledger.ts";
import type { RunContext } from "../engines/run_context.ts";
import { type Applied, isOf } from "../history/applied.ts";
import { type Revision, scriptChecksum } from "../history/history.ts";
import { damageOf, type LedgerRow, ledgerRowOf } from "../history/ledger/ledger.ts";

/** How many rows are written at once: some hold whole scripts. */
const rowsOfBatch = 100;

/** Returns the statement that puts the way back past a revision of the history into the ledger. */
export function recordWayBack(
  { history, version, now }: RunContext,
  revision: Revision,
  upgradeChecksum: string = revision.checksum,
): SQL {
  const recordedAt = now().toISOString();
  return writeLedger(ledgerRowOf(history, revision, { upgradeChecksum, recordedAt, recordedBy: version }));
}

/** The same for rows of the version table; of what the history does not have, the ledger keeps what it has. */
export function recordWaysBack(context: RunContext, applied: readonly Applied[]): readonly SQL[] {
  return applied.flatMap((row) => {
    const revision = context.history.revisions.find(({ id }) => id === row.revision);
    if (revision === undefined || revision.ledger !== undefined || !isOf(row, revision)) return [];
    return [recordWayBack(context, revision, row.checksum)];
  });
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
  const batch = [
    ...strays(applied, ledger ?? []).map(deleteLedger),
    ...recordWaysBack(context, missing(context, applied, ledger ?? [])),
  ];
  for (let at = 0; at < batch.length; at += rowsOfBatch) {
    await database.write(batch.slice(at, at + rowsOfBatch));
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
    return text !== null && there.downgradeChecksum !== scriptChecksum(text) ||
      there.parent !== revision.parent;
  });
}
