import type { Applied } from "../history/applied.ts";
import type { RunContext } from "../engines/run_context.ts";
import { readState } from "./read_state.ts";

/** A revision and what the database says of it. */
export interface RevisionStatus {
  readonly revision: string;
  readonly name: string;
  readonly parent: string | null;
  /** When it was written, ISO 8601 UTC; `null` when the history does not have it. */
  readonly createdAt: string | null;
  readonly applied: boolean;
  readonly appliedAt: string | null;
  readonly appliedBy: string | null;
  /** The direction in which it stopped half way. */
  readonly unfinished: Applied["direction"] | null;
  readonly checksum: string;
  /** `null` when it is not applied. */
  readonly checksumMatches: boolean | null;
  /** False for a row of the version table that the history knows nothing of. */
  readonly inHistory: boolean;
}

/** Lists the revisions of the history in order, then those that only the database has. Never refuses. */
export async function readRevisions(context: RunContext): Promise<readonly RevisionStatus[]> {
  const { applied } = await readState(context);
  const rows = new Map(applied.map((row) => [row.revision, row]));
  const known = context.history.revisions.map((revision) => {
    const row = rows.get(revision.id);
    rows.delete(revision.id);
    return {
      revision: revision.id,
      name: revision.name,
      parent: revision.parent,
      createdAt: revision.createdAt,
      ...appliedPart(row),
      checksum: revision.checksum,
      checksumMatches: row === undefined ? null : row.checksum === revision.checksum,
      inHistory: true,
    };
  });
  const strangers = [...rows.values()].map((row) => ({
    revision: row.revision,
    name: row.name,
    parent: null,
    createdAt: null,
    ...appliedPart(row),
    checksum: row.checksum,
    checksumMatches: false,
    inHistory: false,
  }));
  return [...known, ...strangers];
}

function appliedPart(row: Applied | undefined) {
  const isFinished = row !== undefined && row.finishedAt !== null;
  return {
    applied: isFinished,
    appliedAt: row?.finishedAt ?? null,
    appliedBy: row?.appliedBy ?? null,
    unfinished: row !== undefined && !isFinished ? row.direction : null,
  };
}
