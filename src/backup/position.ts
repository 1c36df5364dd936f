import { compareTexts } from "../base/compare_texts.ts";
import type { Applied } from "../history/applied.ts";
import { readAlembicVersions, readAppliedIn } from "../engines/version_table.ts";
import { readIdentity } from "../engines/backup/identity.ts";
import type { RunContext } from "../engines/run_context.ts";
import { readState } from "../state/read_state.ts";

/** Where a database stands, as its backup says. */
export interface BackupPosition {
  /** The last revision that is complete; `null` for base, or when nothing says it. */
  readonly revision: string | null;
  /** The revision that stopped half way. */
  readonly unfinished: string | null;
}

/**
 * Reads where a database stands. Unlike `status` it never refuses: a database that the history disagrees with needs
 * its backup most.
 */
export async function readPosition(context: RunContext): Promise<BackupPosition> {
  const { applied } = await readState(context);
  const places = new Map(context.history.revisions.map((revision, index) => [revision.id, index]));
  // A revision that the history does not know is from a newer release.
  const place = (row: Applied) => places.get(row.revision) ?? places.size;
  const inOrder = applied.toSorted((a, b) => place(a) - place(b) || compareTexts(a.startedAt, b.startedAt));
  const isDone = (row: Applied) => row.finishedAt !== null || row.direction === "downgrade";
  return {
    revision: inOrder.findLast(isDone)?.revision ?? null,
    unfinished: applied.find((row) => row.finishedAt === null)?.revision ?? null,
  };
}

/**
 * Returns a text that changes whenever a revision is begun, finished or undone, by whomever, or the database gets an identity;
 * quick to read.
 */
export async function readMark(context: RunContext): Promise<string> {
  const applied = await readAppliedIn(context) ?? [];
  const rows = applied.map(({ revision, direction, finishedAt }) => `${revision} ${direction} ${finishedAt}`);
  const { id } = await readIdentity(context.database);
  return [...rows.sort(), ...await readAlembicVersions(context.database) ?? [], id].join("; ");
}

/** Whether there is anything in a database that a backup could save. */
export async function isEmptyDatabase({ database }: RunContext): Promise<boolean> {
  const { tables, others } = await database.introspect();
  return tables.length === 0 && others.length === 0;
}
