import { type Applied, locate } from "../history/applied.ts";
import type { AheadRevision } from "./describe_ahead.ts";
import type { State } from "./state.ts";
import { type Ahead, aheadOf } from "../history/ahead.ts";
import { headOf, type Revision } from "../history/history.ts";
import type { Database, LockHolder } from "../engines/database.ts";
import { type BackfillState, readBackfills } from "../engines/version_table.ts";
import { type BesideProgress, readBeside } from "../engines/beside_progress.ts";
import { HarborError } from "../base/errors.ts";
import { type Kept, readKept } from "../engines/kept_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { findEmpty } from "./find_empty.ts";
import { readState } from "./read_state.ts";
import { isDue } from "./rules/due.ts";
import { underPresentRevisions } from "./rules/present_kept.ts";

/** A revision as it is named in lists. */
export interface RevisionName {
  readonly revision: string;
  readonly name: string;
}

/** Where a database stands. */
export interface Status {
  readonly state: State;
  readonly current: RevisionName | null;
  readonly head: RevisionName | null;
  readonly pending: readonly RevisionName[];
  /** What the database has and the history does not, in order: a newer release or another branch applied it. */
  readonly ahead: readonly AheadRevision[];
  /** Where a downgrade past those leads: the last revision before them, or `base`; `null` where there are none. */
  readonly known: string | null;
  /** The revision that stopped half way. */
  readonly unfinished: Applied | null;
  /** When and how the database was taken over; `null` when harbor-db made it. */
  readonly adopted: { readonly at: string; readonly how: Applied["origin"] } | null;
  readonly lock: LockHolder | null;
  /** Backfills that have not come to their end. */
  readonly backfills: readonly BackfillState[];
  /** Changes of large tables beside their writers that have not come to their end. */
  readonly beside: readonly BesideProgress[];
  /** What steps put aside, and what would come back; `null` when this user may not see it. */
  readonly kept: readonly Kept[] | null;
  /** Which of that is to be put back, and was not to the end: a run was interrupted, or is at it. */
  readonly unreturned: readonly Kept[];
}

/**
 * Reads where a database stands, without changing it.
 *
 * @throws {HarborError} when history and database disagree, as `upgrade` would
 */
export async function readStatus(context: RunContext): Promise<Status> {
  const { database, history } = context;
  // Asked for together: a server then answers them without a way there and back for each.
  const [state, backfills, lock, beside, kept] = await Promise.all([
    readState(context),
    readBackfills(database),
    database.lockHolder(),
    readBeside(database),
    readKept(database).catch(notForThisUser),
  ]);
  const { done, unfinished } = locate(history, state.applied);
  const ahead = aheadOf(history);
  const { applied } = state;
  const all = kept && underPresentRevisions(kept, { history, applied });
  const empty = await findEmpty(database, all ?? []);
  const there = all?.filter((each) => !empty.includes(each)) ?? null;
  const pending = state.refusal === null ? history.revisions.slice(done) : [];
  return {
    state,
    current: nameOf(history.revisions[done - 1]),
    head: nameOf(headOf(history)),
    pending: pending.map((revision) => nameOf(revision)!),
    ahead: ahead === null ? [] : await describe(ahead, { database, applied: state.applied }),
    known: ahead?.known ?? null,
    unfinished,
    adopted: state.kind === "managed" ? adoptionOf(state.applied) : null,
    lock: lock ?? null,
    backfills: backfills.filter((backfill) => backfill.finishedAt === null),
    beside,
    kept: there,
    unreturned: there?.filter((each) => isDue(each, { history, applied })) ?? [],
  };
}

/** Snapshots are read for it, which few databases need. */
async function describe(
  { revisions }: Ahead,
  place: { readonly database: Database; readonly applied: readonly Applied[] },
): Promise<readonly AheadRevision[]> {
  const { describeAhead } = await import("./describe_ahead.ts");
  return describeAhead(revisions, place);
}

function adoptionOf(applied: readonly Applied[]): Status["adopted"] {
  const rows = applied.filter(({ origin }) =>
    origin === "alembic" || origin === "adopt" || origin === "bridge"
  );
  const last = rows.toSorted((a, b) => a.startedAt < b.startedAt ? -1 : 1).at(-1);
  return last === undefined ? null : { at: last.startedAt, how: last.origin };
}

/** Others than its owner see nothing of what is kept, and the rest all the same. */
function notForThisUser(error: unknown): null {
  if (error instanceof HarborError && error.code === "read_only") return null;
  throw error;
}

function nameOf(revision: Revision | undefined): RevisionName | null {
  return revision === undefined ? null : { revision: revision.id, name: revision.name };
}
