import { HarborError } from "../../core/errors.ts";
import type { History, Revision } from "../../core/history.ts";
import { type Applied, locate } from "../../core/plan.ts";
import type { LockHolder } from "../../db/database.ts";
import { type BackfillState, readBackfills } from "../../db/version_table.ts";
import { type Check, type Found, pass } from "./check.ts";

/** The version table against the history. */
export const historyCheck: Check = {
  name: "history",
  summary:
    "the version table agrees with the history: every revision known and unedited, none half done, no backfill open, head reached",
  cost: "a few milliseconds",
  async *run(context) {
    const { kind, applied, alembic, refusal } = await context.state();
    const history = await context.history();
    if (refusal !== null) return yield failure(refusal);

    const found = await onTheWay(kind === "managed" ? await context.database() : null, applied);
    const done = countApplied(history, applied);
    if (done instanceof HarborError) found.push(failure(done));
    else if (done < history.revisions.length) found.push(notApplied(history.revisions.slice(done)));
    else if (kind === "alembic") found.push(stillAlembic(alembic));
    yield* found.length > 0 ? found : [healthy(history)];
  },
};

/** Says what was begun and is not finished. While somebody holds the lock, that is as it should be. */
async function onTheWay(
  database: Parameters<typeof readBackfills>[0] | null,
  applied: readonly Applied[],
): Promise<Found[]> {
  if (database === null) return [];
  const holder = await database.lockHolder();
  const revisions = applied.filter((row) => row.finishedAt === null).map((row) => halfDone(row, holder));
  const backfills = (await readBackfills(database)).filter((state) => state.finishedAt === null);
  return [...revisions, ...backfills.map((state) => openBackfill(state, holder))];
}

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

function failure({ message, hint, details }: HarborError): Found {
  return { status: "fail", message, hint: hint ?? null, details };
}

function notApplied(pending: readonly Revision[]): Found {
  const names = pending.map((revision) => `${revision.id} (${revision.name})`).join(", ");
  return {
    status: "fail",
    message: `${
      pending.length === 1 ? "a revision is" : `${pending.length} revisions are`
    } not applied: ${names}`,
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

function healthy({ revisions }: History): Found {
  const head = revisions.at(-1);
  if (head === undefined) return pass("the history has no revision");
  return pass(`at head ${head.id} (${head.name}), all ${revisions.length} revisions as they were applied`, {
    current: head.id,
  });
}
