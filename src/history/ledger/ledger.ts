import { type Dialect } from "../../base/dialect.ts";
import type { Applied } from "../applied.ts";
import { type History, type Revision, scriptChecksum, sha256 } from "../history.ts";
import { writeChange } from "./change_text.ts";

/**
 * The way back past an applied revision, as the database itself carries it: for a harbor-db whose history does not have
 * the revision, as an older release's does not. Scripts have their directives and breakpoints in them.
 */
export interface LedgerRow {
  readonly revision: string;
  /** The revision before it; `null` for the first. */
  readonly parent: string | null;
  readonly tag: string;
  readonly dialect: string;
  /** In which form scripts and schema are written, see {@link ledgerForm}. */
  readonly form: number;
  /** Checksum of the upgrade script that made it, as the version table has it. */
  readonly upgradeChecksum: string;
  /** The script that undoes it; `null` when it has none. */
  readonly downgrade: string | null;
  readonly downgradeChecksum: string | null;
  /** What it changes: its upgrade script, to be read, and the schema, see {@link writeChange}; `null` in what earlier releases wrote of one without a snapshot. */
  readonly change: string | null;
  /** When the revision was written, ISO 8601 UTC. */
  readonly createdAt: string;
  readonly recordedAt: string;
  /** The harbor-db that recorded it. */
  readonly recordedBy: string;
  /** Of all that stands above. */
  readonly checksum: string;
}

/** How scripts and schemas are written in the ledger today. One of a later number is for later releases to read. */
export const ledgerForm = 1;

/** Where scripts of the ledger are said to come from. */
export const ledgerPlace = "harbor_ledger";

/** What a row is made with beside its revision. */
export interface LedgerFacts {
  /** The checksum that the version table has, or gets. */
  readonly upgradeChecksum: string;
  readonly recordedAt: string;
  readonly recordedBy: string;
}

/** Returns the row of a revision that the history has. */
export function ledgerRowOf(
  { dialect, revisions }: Pick<History, "dialect" | "revisions">,
  revision: Revision,
  { upgradeChecksum, recordedAt, recordedBy }: LedgerFacts,
): LedgerRow {
  const { id, parent, tag, createdAt } = revision;
  const downgrade = revision.downgradeText();
  const row = {
    revision: id,
    parent,
    tag,
    dialect,
    form: ledgerForm,
    upgradeChecksum,
    downgrade,
    downgradeChecksum: downgrade === null ? null : scriptChecksum(downgrade),
    change: writeChange(revision, revisions.find((each) => each.id === parent) ?? null),
    createdAt,
    recordedAt,
    recordedBy,
  };
  return { ...row, checksum: checksumOf(row) };
}

/** Returns a row as it is where its revision, or the one before that, is called otherwise; one that was changed as it is. */
export function underIds(row: LedgerRow, idOf: (id: string) => string): LedgerRow {
  if (row.checksum !== checksumOf(row)) return row;
  const renamed = {
    ...row,
    revision: idOf(row.revision),
    parent: row.parent === null ? null : idOf(row.parent),
  };
  return { ...renamed, checksum: checksumOf(renamed) };
}

/**
 * Says why a row of the ledger is not what a harbor-db wrote for what was applied; `null` when it is.
 *
 * @param applied The row of the version table that it belongs to
 */
export function damageOf(row: LedgerRow, applied: Applied, dialect: Dialect): string | null {
  if (row.checksum !== checksumOf(row)) return "it was changed since it was written";
  if (row.dialect !== dialect) return `it is of ${row.dialect}`;
  if (row.form > ledgerForm) return `it is in a form that only a newer harbor-db than this can read`;
  if (row.downgradeChecksum !== (row.downgrade === null ? null : scriptChecksum(row.downgrade))) {
    return "its downgrade script is another than its checksum says";
  }
  if (row.upgradeChecksum !== applied.checksum) return "it is of another upgrade script than the one applied";
  return null;
}

function checksumOf({ checksum: _, ...row }: Omit<LedgerRow, "checksum"> & { readonly checksum?: string }) {
  const { revision, parent, tag, dialect, form, upgradeChecksum, downgrade, downgradeChecksum } = row;
  const { change, createdAt, recordedAt, recordedBy } = row;
  return sha256(JSON.stringify([
    ...[revision, parent, tag, dialect, form, upgradeChecksum, downgrade, downgradeChecksum],
    ...[change, createdAt, recordedAt, recordedBy],
  ]));
}
