import type { Found } from "../../base/finding.ts";
import { type Applied, isOf } from "../../history/applied.ts";
import { type History, scriptChecksum } from "../../history/history.ts";
import { damageOf, ledgerPlace, type LedgerRow } from "../../history/ledger/ledger.ts";

/**
 * Compares the ways back that a database carries with what it has applied, and with the history where that has the
 * revision.
 *
 * @param ledger `null` where the database has none, as one of an earlier release
 */
export function judgeLedger(
  history: History,
  applied: readonly Applied[],
  ledger: readonly LedgerRow[] | null,
): readonly Found[] {
  const rows = new Map(ledger?.map((row) => [row.revision, row]));
  const missing: string[] = [];
  const found: Found[] = [];
  for (const each of applied) {
    const { revision, name } = each;
    const row = rows.get(revision);
    if (row === undefined) {
      missing.push(revision);
      continue;
    }
    const known = history.revisions.find(({ id, ledger }) => id === revision && ledger === undefined);
    const damage = damageOf(row, each, history.dialect);
    const text = known?.downgradeText() ?? null;
    const details = { revision, table: ledgerPlace };
    if (damage !== null) {
      found.push({
        status: "fail",
        message:
          `the way back past ${revision} (${name}) cannot be trusted: of its row in ${ledgerPlace}, ${damage}`,
        hint: known === undefined
          ? "The upgrade of a release that has the revision writes it anew."
          : "harbor-db upgrade writes it anew. Find out who changed it.",
        details,
      });
    } else if (
      known !== undefined && isOf(each, known) && text !== null &&
      row.downgradeChecksum !== scriptChecksum(text)
    ) {
      found.push({
        status: "warn",
        message:
          `the downgrade script of ${revision} (${name}) is another in this history than in ${ledgerPlace}; this history's is the one that would run`,
        hint: "harbor-db upgrade puts this history's into the database",
        details,
      });
    }
  }
  if (missing.length > 0) {
    found.push({
      status: "warn",
      message: `the database does not carry the way back past ${missing.join(", ")}: a release without ${
        missing.length === 1 ? "that revision" : "those revisions"
      } could not go back`,
      hint: "harbor-db upgrade puts it there",
      details: { missing, table: ledgerPlace },
    });
  }
  return found;
}
