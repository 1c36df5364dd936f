import { type Applied, isOf } from "../history/applied.ts";
import { type SQL, sql } from "drizzle-orm";
import { guardWord } from "./rules/bridge_statement.ts";
import { compareSnapshots, describeDifference } from "../schema/compare_snapshots.ts";
import { HarborError } from "../base/errors.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { recordDrift } from "../engines/taken_over.ts";
import { createIdentity } from "../engines/identity.ts";
import { createLedger, deleteLedger } from "../engines/ledger.ts";
import {
  createVersionTables,
  deleteApplied,
  insertApplied,
  renameApplied,
  setAlembicVersion,
} from "../engines/version_table.ts";
import { userStatement } from "../engines/statement_names.ts";
import type { RunContext } from "../engines/run_context.ts";
import { keptOf } from "./inspect.ts";
import { recordWaysBack } from "../state/keep_ledger.ts";
import { lockOptions } from "../state/lock_options.ts";
import { type Adoption, prepareAdoption } from "./prepare.ts";
import { snapshotOf } from "../history/revision_schema.ts";
import { recordOf } from "../state/read_unmanaged.ts";

export interface AdoptOptions {
  /** Milliseconds to wait for another harbor-db. */
  readonly lockWaitMs: number;
  /** Whether it was just seen that the engine finds no damage, which takes a while to look for. */
  readonly isWhole?: boolean;
  /** Called under the lock when there is something to do and it was rehearsed; what it throws ends the run. */
  readonly beforeChange?: () => Promise<void>;
}

/**
 * Takes over a database, under the lock: stamps it when it is exactly a revision, else leads it to head by a bridge.
 *
 * Statements and stamps are one transaction. It is rehearsed first and rolled back, on the real rows, and what it leaves
 * is compared with head; only then comes the backup, and only then the transaction that stays. So a right that is
 * missing or a view that is in the way shows before anything is done.
 *
 * @returns What was done
 * @throws {HarborError} `unmanaged`, `data_conflict`, `not_a_database` or `unfinished` as {@link prepareAdoption} has them ·
 * `schema_mismatch` when the bridge does not lead to head, with `details.isCommitted` when that shows only afterwards,
 * which takes somebody else who changes the schema meanwhile · `locked`, `interrupted` and what the database says
 */
export function adopt(context: RunContext, options: AdoptOptions): Promise<Adoption> {
  const { database } = context;
  return database.withLock(async () => {
    const adoption = await prepareAdoption(context, options.isWhole);
    if (adoption.refusal !== null) throw adoption.refusal;
    if (adoption.action === "none") return adoption;
    const batch = () => adoptionBatch(context, adoption);
    refuseOtherSchema(
      context,
      adoption,
      await despiteGuards(context, () => database.rehearse(batch(), "schema")),
    );
    stopIfAsked(context.signal);
    await options.beforeChange?.();
    stopIfAsked(context.signal);
    // Made anew, so that what is on record is later than the backup.
    await despiteGuards(context, () => database.write(batch(), "schema"));
    refuseOtherSchema(context, adoption, await database.introspect(), { isCommitted: true });
    return adoption;
  }, lockOptions(context, options.lockWaitMs));
}

/** Returns the one batch that takes a database over. */
export function adoptionBatch(
  context: RunContext,
  { inspection, action, to, drift, statements }: Adoption,
): readonly SQL[] {
  const { database, history, version, now } = context;
  const startedAt = now().toISOString();
  const origin = action === "bridge" ? "bridge" : "adopt";
  const hasAlembic = inspection.labels.some(({ by }) => by === "alembic");
  const reached = history.revisions.slice(
    0,
    history.revisions.findIndex((revision) => revision.id === to) + 1,
  );
  // Rows of scripts that did run stay: once the schema is the revision's again, the way back from there is too.
  const { applied } = inspection;
  const isRight = (row: Applied) => reached.some((each) => each.id === row.revision && isOf(row, each));
  const right = (applied ?? []).filter(isRight);
  const stale = (applied ?? []).filter((row) => !isRight(row));
  const added = reached.filter(({ id }) => !right.some((row) => row.revision === id))
    .map((revision) => recordOf(revision, { startedAt, appliedBy: version, origin }));
  return [
    ...createVersionTables,
    ...applied === null ? createIdentity(database.dialect) : [],
    ...statements.map((statement) => userStatement(sql.raw(statement.sql))),
    ...stale.flatMap((row) => deleteApplied(row.recordedAs ?? row.revision)),
    ...renameApplied(right),
    ...recordDrift(drift ?? [], startedAt),
    ...added.map(insertApplied),
    ...createLedger(database.dialect),
    ...stale.map(({ revision }) => deleteLedger(revision)),
    ...recordWaysBack(context, [...right, ...added]),
    ...hasAlembic ? setAlembicVersion(to) : [],
  ];
}

/** Fails unless a schema is that of the revision, with what was to be kept and nothing else. */
function refuseOtherSchema(
  { database, history }: RunContext,
  { inspection, action, to }: Adoption,
  after: Snapshot,
  { isCommitted } = { isCommitted: false },
): void {
  const revision = history.revisions.find(({ id }) => id === to);
  if (revision === undefined) return;
  const { schemas, live } = inspection;
  const differencesOf = (schema: Snapshot) =>
    compareSnapshots(snapshotOf(revision), ownTables(schemas, schema));
  const differences = differencesOf(after);
  // A stamp changes nothing: what drizzle's migrator left otherwise than the snapshot says is no news.
  const before = action === "stamp" ? differencesOf(live).map(describeDifference) : [];
  const wrong = differences.filter((each) => each.kind !== "extra").map(describeDifference)
    .filter((each) => !before.includes(each));
  const kept = keptOf(differences, after, schemas);
  const lost = keptOf(differencesOf(live), live, schemas).filter((path) => !kept.includes(path))
    .map((path) => `${path} would be lost`);
  if (wrong.length + lost.length === 0) return;
  throw new HarborError(
    "schema_mismatch",
    `Cannot adopt "${database.url}": its schema ${isCommitted ? "did" : "would"} not become that of ${to}: ${
      [...wrong, ...lost].join("; ")
    }`,
    {
      hint: "Please report this, with the output of: harbor-db adopt --dry-run --json",
      details: { differences, lost, isCommitted },
    },
  );
}

/** Says what a guard of the bridge found. */
async function despiteGuards<T>({ database }: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const table = new RegExp(`${guardWord} (\\w+)`).exec(error.state)?.[1];
    if (table === undefined) {
      throw error.with({ message: `Cannot adopt "${database.url}"`, state: error.message });
    }
    throw new HarborError(
      "data_conflict",
      `Cannot adopt "${database.url}": a value in ${table} would not be the same afterwards`,
      {
        hint:
          "Nothing was changed. Look for values of another type than their column's, and for triggers that change rows.",
        details: { table },
        cause: error,
      },
    );
  }
}
