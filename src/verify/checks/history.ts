import { counted } from "../../base/quantity.ts";
import { type Applied, locate } from "../../history/applied.ts";
import { type Found, pass } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import type { History, Revision } from "../../history/history.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { LockHolder } from "../../engines/database.ts";
import { type BesideProgress, besideWords, readBeside } from "../../engines/beside_progress.ts";
import { dropListener, type Listener, listenerWords, readListeners } from "../../state/listeners.ts";
import { type BackfillState, readBackfills } from "../../engines/version_table.ts";
import { type Check, failure } from "./check.ts";
import type { Kept } from "../../engines/kept_table.ts";
import { isDue, returnCommand } from "../../state/rules/due.ts";
import { lookAtKept } from "./kept.ts";
import { lookAtLedger } from "./ledger.ts";

/** The version table against the history. */
export const historyCheck: Check = {
  name: "history",
  summary:
    "the version table agrees with the history: every revision known and unedited, none half done, no backfill open, nothing left to put back, head reached; no trigger or rule on harbor-db's own tables; and the tables of kept data are those that their registry has, with as many rows",
  cost: "a few milliseconds, and a count of kept data",
  async *run(context) {
    const { kind, applied, alembic, refusal } = await context.state();
    const history = await context.history();
    if (refusal !== null) return yield failure(refusal);

    const database = await context.database();
    const holder = await database.lockHolder();
    const backfills = kind === "managed" ? await readBackfills(database) : [];
    const found = [
      ...applied.filter((row) => row.finishedAt === null).map((row) => halfDone(row, holder)),
      ...backfills.filter((state) => state.finishedAt === null).map((state) => openBackfill(state, holder)),
      ...(await readListeners(database)).map((each) => hanging(each, database.dialect)),
      ...(await readBeside(database)).map((change) => openChange(change, holder)),
    ];
    const kept = await lookAtKept(database);
    found.push(...kept.found);
    const done = countApplied(history, applied);
    if (kind === "managed" && !(done instanceof HarborError)) {
      const current = history.revisions[done - 1]?.id ?? null;
      const due = kept.kept.filter((each) => isDue(each, { history, applied }));
      found.push(...due.map((each) => notReturned(each, { current, holder })));
    }
    // Of what does not fit the history, nobody knows what the ledger should say.
    if (!(done instanceof HarborError)) {
      found.push(...await lookAtLedger(database, history, { kind, applied }));
    }
    if (done instanceof HarborError) found.push(failure(done));
    else if (done < history.revisions.length) found.push(notApplied(history.revisions.slice(done), holder));
    else if (kind === "alembic") found.push(stillAlembic(alembic));
    yield* found.length > 0 ? found : [healthy(history, kept.words)];
  },
};

function halfDone(row: Applied, holder: LockHolder | undefined): Found {
  const { direction, revision, name, startedAt, statementsDone } = row;
  const what = `the ${direction} of ${revision} (${name}), begun at ${startedAt}`;
  return {
    ...unfinished(
      `${what}, ${holder === undefined ? "stopped half way" : `is being done by ${holder.owner}`}`,
      holder,
    ),
    hint: direction === "upgrade" ? "harbor-db upgrade" : "harbor-db downgrade -1",
    details: { revision, direction, statementsDone, startedAt },
  };
}

function openBackfill(state: BackfillState, holder: LockHolder | undefined): Found {
  const { revision, table, rows, lastKey, endKey } = state;
  const how = holder === undefined ? "stopped" : `is being done by ${holder.owner}, so far`;
  return {
    ...unfinished(`the backfill of ${table} ${how} at key ${lastKey ?? "-"} of ${endKey ?? "-"}`, holder),
    hint: "harbor-db upgrade",
    details: { revision, table, rows, lastKey, endKey },
  };
}

/** It may keep out, or change, what goes on record. */
function hanging(listener: Listener, dialect: Dialect): Found {
  return {
    status: "fail",
    message: listenerWords(listener),
    hint: `No step, stamp or adoption runs beside it. Take it away: ${dropListener(dialect, listener)}`,
    details: { ...listener },
  };
}

function openChange(change: BesideProgress, holder: LockHolder | undefined): Found {
  const { name, table, phase } = change;
  const how = holder === undefined ? "was interrupted" : `is being made by ${holder.owner}`;
  return {
    ...unfinished(`${besideWords(change)}; it ${how}`, holder),
    hint: isMade(phase)
      ? "The next upgrade or downgrade ends it; to do nothing else: harbor-db upgrade --abandon"
      : "Go on with what was interrupted: harbor-db upgrade, or the same downgrade; to give it up: harbor-db upgrade --abandon",
    details: { change: name, table, phase },
  };
}

function notReturned(
  kept: Kept,
  { current, holder }: { readonly current: string | null; readonly holder: LockHolder | undefined },
): Found {
  const { id, table, revision, direction, rows, sideTable } = kept;
  const how = holder === undefined ? "was interrupted" : `is being made by ${holder.owner}`;
  const what = `${counted(rows, "row")} of ${table} that the ${direction} of ${revision} put aside`;
  return {
    ...unfinished(`the return of ${what} ${how}`, holder),
    hint: returnCommand(kept, current),
    details: { id, table, revision, direction, sideTable, rows },
  };
}

/** Whether a change stands, and only its end is left: what it was made with, or what goes with it and is still put aside. */
function isMade(phase: BesideProgress["phase"]): boolean {
  return phase === "empty" || phase === "keeping";
}

/** What is under way is as it should be while somebody holds the lock. */
function unfinished(message: string, holder: LockHolder | undefined): Pick<Found, "status" | "message"> {
  return { status: holder === undefined ? "fail" : "warn", message };
}

function countApplied(history: History, applied: readonly Applied[]): number | HarborError {
  try {
    return locate(history, applied).done;
  } catch (error) {
    if (error instanceof HarborError) return error;
    throw error;
  }
}

function notApplied(pending: readonly Revision[], holder: LockHolder | undefined): Found {
  const what = counted(pending.length, "revision is", "revisions are");
  const names = pending.map((revision) => `${revision.id} (${revision.name})`).join(", ");
  return {
    ...unfinished(`${what} not applied: ${names}`, holder),
    hint: "harbor-db upgrade",
    details: { pending: pending.map((revision) => revision.id) },
  };
}

function stillAlembic(alembic: readonly string[] | null): Found {
  return {
    status: "warn",
    message: "the database is still in Alembic's hands; its version table is right",
    hint: "harbor-db upgrade",
    details: { alembic },
  };
}

function healthy({ revisions }: History, kept: string): Found {
  const head = revisions.at(-1);
  if (head === undefined) return pass("the history has no revision");
  return pass(
    `at head ${head.id} (${head.name}), ${
      counted(revisions.length, "revision")
    } on record, their scripts unedited since${kept}`,
    {
      current: head.id,
    },
  );
}
