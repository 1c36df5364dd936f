import { type Applied, isOf } from "../history/applied.ts";
import type { History } from "../history/history.ts";
import type { State } from "./state.ts";

/** A revision and what the database says of it. */
export interface RevisionStatus {
  readonly revision: string;
  readonly name: string;
  readonly parent: string | null;
  /** When it was written, ISO 8601 UTC; `null` when the history does not have it. */
  readonly createdAt: string | null;
  readonly applied: boolean;
  /** ISO 8601 UTC; `null` also when somebody else applied it, and so nobody knows. */
  readonly appliedAt: string | null;
  /** The harbor-db that applied it; `null` also when another program did. */
  readonly appliedBy: string | null;
  /** How the database came to say that it is applied; `null` when it does not. */
  readonly origin: Applied["origin"] | null;
  /** When harbor-db put it on record without running it; `null` when it ran it, or never did. */
  readonly recordedAt: string | null;
  /** The direction in which it stopped half way. */
  readonly unfinished: Applied["direction"] | null;
  readonly checksum: string;
  /** `null` when it is not applied, or nothing is known to compare. */
  readonly checksumMatches: boolean | null;
  /** False for what only the database knows. */
  readonly inHistory: boolean;
}

/** Lists the revisions of the history in order, then those that only the database has. Never refuses. */
export function listRevisions(history: History, { kind, applied }: State): readonly RevisionStatus[] {
  const isOnRecord = kind === "managed";
  const rows = new Map(applied.map((row) => [row.revision, row]));
  const known = history.revisions.map((revision) => {
    const row = rows.get(revision.id);
    rows.delete(revision.id);
    const inHistory = revision.ledger === undefined;
    return {
      revision: revision.id,
      name: revision.name,
      parent: revision.parent,
      createdAt: revision.createdAt,
      ...appliedPart(row, isOnRecord),
      checksum: revision.checksum,
      checksumMatches: row === undefined || !isOnRecord || !inHistory ? null : isOf(row, revision),
      inHistory,
    };
  });
  const strangers = [...rows.values()].map((row) => ({
    revision: row.revision,
    name: row.name,
    parent: null,
    createdAt: null,
    ...appliedPart(row, isOnRecord),
    checksum: row.checksum,
    checksumMatches: null,
    inHistory: false,
  }));
  return [...known, ...strangers];
}

/** @param isOnRecord Whether the version table has the row, or it is only what Alembic's comes to */
function appliedPart(row: Applied | undefined, isOnRecord: boolean) {
  const isFinished = row !== undefined && row.finishedAt !== null;
  // A bridge made the schema, if not by the revision's own script.
  const isOwn = isFinished && (row.origin === "run" || row.origin === "bridge");
  return {
    applied: isFinished,
    appliedAt: isOwn ? row.finishedAt : null,
    appliedBy: row === undefined || (isFinished && !isOwn) ? null : row.appliedBy,
    origin: row?.origin ?? null,
    recordedAt: isFinished && !isOwn && isOnRecord ? row.finishedAt : null,
    unfinished: row !== undefined && !isFinished ? row.direction : null,
  };
}

/**
 * Says in words when and how a revision was applied; of one whose time is known, without it.
 *
 * @param show Writes a time in another form than ISO 8601
 */
export function describeApplied(
  { origin, appliedBy, recordedAt }: RevisionStatus,
  show: (iso: string) => string = (iso) => iso,
): string {
  const since = recordedAt === null ? "" : `, on record since ${show(recordedAt)}`;
  switch (origin) {
    case "alembic":
      return `by Alembic, nobody knows when${since}`;
    case "adopt":
      return `before harbor-db, nobody knows when${since}`;
    case "stamp":
      return `stamped${since}`;
    case "bridge":
      return `by a bridge of harbor-db ${appliedBy}`;
    default:
      return `by harbor-db ${appliedBy}`;
  }
}
