import { type Applied, isOf } from "../history/applied.ts";
import { resolveTarget } from "../history/target.ts";
import type { Difference } from "../schema/compare/snapshots.ts";
import { HarborError } from "../base/errors.ts";
import { readAlembic } from "./read_alembic.ts";
import { rightsError } from "./check_rights.ts";
import {
  createVersionTables,
  deleteApplied,
  insertApplied,
  readAppliedIn,
  setAlembicVersion,
} from "../engines/version_table.ts";
import { createIdentity } from "../engines/backup/identity.ts";
import { createLedger, deleteLedger } from "../engines/ledger.ts";
import type { RunContext } from "../engines/run_context.ts";
import { heldAsLeft } from "./held_as_left.ts";
import { recordApplied } from "./keep_ledger.ts";
import { requireNoListeners } from "./listeners.ts";
import { lockOptions } from "./lock_options.ts";
import { differencesFrom, latestSchemas, recordOf } from "./read_unmanaged.ts";

/** What a stamp did. */
export interface StampResult {
  readonly from: string | null;
  readonly to: string | null;
}

/** What a stamp would do. */
export interface PlannedStamp extends StampResult {
  /** In what the live schema is not that of the target. */
  readonly differences: readonly Difference[];
}

/**
 * Says where a stamp would lead, and in what the schema is not the target's.
 *
 * @throws {HarborError} `unknown_target` or `ambiguous_target`
 */
export async function planStamp(context: RunContext, target: string): Promise<PlannedStamp> {
  const { database, history } = context;
  const { from, count } = resolveStamp(context, target, await readAppliedIn(context) ?? []);
  const revision = history.revisions[count - 1] ?? null;
  const live = heldAsLeft(await database.introspect(), history.revisions.slice(0, count));
  const differences = differencesFrom(latestSchemas(history), revision, live);
  return { from, to: revision?.id ?? null, differences };
}

/**
 * Makes the version table say that a database is at a target, without running anything. It is the remedy when
 * history and database disagree, so it looks at neither checksums nor gaps. Rows that stay right keep their times.
 *
 * @throws {HarborError} `unknown_target` or `ambiguous_target`; `read_only`; `locked`
 */
export async function stamp(context: RunContext, target: string, lockWaitMs: number): Promise<StampResult> {
  const { database, history, version, now } = context;
  resolveStamp(context, target, await readAppliedIn(context) ?? []);
  const forbidden = await rightsError("stamp", context, []);
  if (forbidden !== null) throw forbidden;
  // What hangs on the lock's own table may keep anybody from taking it.
  await requireNoListeners(database, `Cannot stamp "${database.url}"`);
  return await database.withLock(async () => {
    const known = await readAppliedIn(context);
    const applied = known ?? [];
    const { from, count } = resolveStamp(context, target, applied);
    const startedAt = now().toISOString();
    const kept = new Map(applied.filter((row) => row.finishedAt !== null).map((row) => [row.revision, row]));
    const rows = history.revisions.slice(0, count).map((revision) => {
      const row = recordOf(revision, { startedAt, appliedBy: version, origin: "stamp" });
      const old = kept.get(revision.id);
      return old !== undefined && isOf(old, revision) ? old : row;
    });
    const to = rows.at(-1)?.revision ?? null;
    const alembic = await readAlembic(context) === null ? [] : setAlembicVersion(to);
    await database.write([
      ...createVersionTables(),
      ...known === null ? createIdentity(database.dialect) : [],
      ...createLedger(database.dialect),
      ...applied.flatMap((row) => deleteApplied(row.recordedAs ?? row.revision)),
      ...insertApplied(rows),
      ...applied.filter(({ revision }) => rows.every((row) => row.revision !== revision))
        .map(({ revision }) => deleteLedger(revision)),
      ...recordApplied(context, rows),
      ...alembic,
    ]);
    return { from, to };
  }, lockOptions(context, lockWaitMs));
}

function resolveStamp({ history }: RunContext, target: string, applied: readonly Applied[]) {
  const ids = new Set(applied.map((row) => row.revision));
  const done = history.revisions.findLastIndex((revision) => ids.has(revision.id)) + 1;
  if (/^[+-]/.test(target) && applied.length === 0) {
    throw new HarborError(
      "unknown_target",
      `Cannot stamp "${target}": the database has no revision to count from`,
      {
        hint: "harbor-db history",
      },
    );
  }
  return { from: history.revisions[done - 1]?.id ?? null, count: resolveTarget(history, done, target) };
}
