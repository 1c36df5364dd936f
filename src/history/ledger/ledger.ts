import { type Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { isRecord } from "../../base/json_schema.ts";
import type { Applied } from "../applied.ts";
import { type History, type Revision, scriptChecksum, sha256 } from "../history.ts";
import { deltaOf } from "./json_delta.ts";
import { snapshotHash } from "./snapshot_hash.ts";

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
  /** In which form script and schema are written, see {@link ledgerForm}. */
  readonly form: number;
  /** Checksum of the upgrade script that made it, as the version table has it. */
  readonly upgradeChecksum: string;
  /** The script that undoes it; `null` when it has none. */
  readonly downgrade: string | null;
  readonly downgradeChecksum: string | null;
  /** The schema after it, as what its snapshot changes in its parent's, see {@link writeSchema}; `null` when that is not known. */
  readonly schema: string | null;
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
    schema: writeSchema(revision, revisions.find((each) => each.id === parent) ?? null),
    createdAt,
    recordedAt,
    recordedBy,
  };
  return { ...row, checksum: checksumOf(row) };
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
  const { schema, createdAt, recordedAt, recordedBy } = row;
  return sha256(JSON.stringify([
    ...[revision, parent, tag, dialect, form, upgradeChecksum, downgrade, downgradeChecksum],
    ...[schema, createdAt, recordedAt, recordedBy],
  ]));
}

/** A revision's schema does not change while it is known. */
const written = new WeakMap<Revision, { readonly parent: Revision | null; readonly text: string | null }>();

/** Returns a schema as the ledger keeps it; `null` when it is not known. */
function writeSchema(revision: Revision, parent: Revision | null): string | null {
  const known = written.get(revision);
  if (known?.parent === parent) return known.text;
  // In this order each snapshot of a history is read once.
  const from = parent === null ? null : jsonOf(parent);
  const to = jsonOf(revision);
  const text = to === null
    ? null
    : JSON.stringify({ base: from === null ? null : snapshotHash(from), delta: deltaOf(from, to) });
  written.set(revision, { parent, text });
  return text;
}

type Json = Readonly<Record<string, unknown>> | null;

/** The snapshot that was read last: all of a long history would fill the memory. */
let recent: { readonly revision: Revision; readonly json: Json } | undefined;

/** Returns a revision's snapshot; `null` without one that can be read. */
function jsonOf(revision: Revision): Json {
  if (recent?.revision !== revision) recent = { revision, json: readJson(revision) };
  return recent.json;
}

function readJson(revision: Revision): Json {
  try {
    const { json } = revision.snapshot();
    return isRecord(json) ? json : null;
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}
