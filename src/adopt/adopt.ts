import { compareSnapshots, describeDifference } from "../schema/compare/snapshots.ts";
import { HarborError } from "../base/errors.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { RunContext } from "../engines/run_context.ts";
import { keptOf } from "./inspect.ts";
import { lockOptions } from "../state/lock_options.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import { adoptionBatch } from "./adoption_batch.ts";
import { bridgePieces, changeBeside } from "./bridge_beside.ts";
import { orDamage } from "./damage.ts";
import { despiteGuards } from "./despite_guards.ts";
import { type Adoption, prepareAdoption } from "./prepare.ts";
import { indexesTaken } from "./rules/key_indexes.ts";
import { snapshotOf } from "../history/revision_schema.ts";

export interface AdoptOptions {
  /** Milliseconds to wait for another harbor-db. */
  readonly lockWaitMs: number;
  /** Whether damage, which takes a while to find, was just looked for, or is by `beforeChange`. */
  readonly isWhole?: boolean;
  /**
   * Called under the lock before anything is changed; what it throws ends the run.
   *
   * @returns Whether it was tried on a copy; it is rehearsed on the database's own rows otherwise
   */
  readonly beforeChange?: (adoption: Adoption) => Promise<boolean | void>;
  /** Whether the database is itself a copy on which it is tried. */
  readonly isTrial?: boolean;
  /** How fast rows are changed where that is done in batches. */
  readonly pace?: PaceOptions;
}

/**
 * Takes over a database, under the lock: stamps it when it is exactly a revision, else leads it to head by a bridge.
 *
 * It is tried first, where there is one on the copy that the backup left, and else, unless tables are large, on the real rows in a
 * transaction that is rolled back, and what it leaves is compared with head. Statements and stamps are one transaction; where tables are large,
 * the bridge runs piece by piece beside those who write to them.
 *
 * @returns What was done
 * @throws {HarborError} `unmanaged`, `data_conflict`, `not_a_database` or `unfinished` as {@link prepareAdoption} has them ·
 * `schema_mismatch` when the bridge does not lead to head, with `details.isCommitted` when that shows only afterwards,
 * which takes somebody else who changes the schema meanwhile · `locked`, `interrupted` and what the database says
 */
export function adopt(context: RunContext, options: AdoptOptions): Promise<Adoption> {
  const { database } = context;
  const { isTrial = false } = options;
  return database.withLock(async () => {
    const adoption = await prepareAdoption(context, { damage: options.isWhole ? null : "whole", isTrial });
    if (adoption.refusal !== null) throw adoption.refusal;
    if (adoption.action === "none") return adoption;
    const prepared = async () => await options.beforeChange?.(adoption) === true;
    const isTried = isTrial || await orDamage(context, prepared);
    const isBeside = adoption.phases !== null || (await bridgePieces(context, adoption)).length > 0;
    if (!isTried) await rehearse(context, adoption, isBeside);
    stopIfAsked(context.signal);
    const { action, to } = adoption;
    const words = action === "stamp" ? `stamping ${to ?? "base"}` : `leading to ${to} by the bridge`;
    context.notify({ kind: "step", id: to ?? "base", name: "adoption", direction: "upgrade", words });
    // Made anew, so that what is on record is later than the backup.
    if (isBeside) await changeBeside(context, adoption, options);
    else await despiteGuards(context, () => database.write(adoptionBatch(context, adoption), "schema"));
    refuseOtherSchema(context, adoption, await database.introspect(), { isCommitted: !isTrial });
    return adoption;
  }, lockOptions(context, options.lockWaitMs));
}

/**
 * Tries it all in one transaction that is rolled back, and compares what it would leave with the revision. Not what runs piece
 * by piece: the locks that those spare the application would be held for it.
 */
async function rehearse(context: RunContext, adoption: Adoption, isBeside: boolean): Promise<void> {
  if (isBeside) {
    const text = "the bridge is not tried beforehand: there is no copy to try it on";
    return context.notify({ kind: "note", text });
  }
  const after = await despiteGuards(
    context,
    () => context.database.rehearse(adoptionBatch(context, adoption), "schema"),
  );
  refuseOtherSchema(context, adoption, after);
}

/** Fails unless a schema is that of the revision, with what was to be kept and nothing else. */
function refuseOtherSchema(
  { database, history }: RunContext,
  { inspection, action, to, statements }: Adoption,
  after: Snapshot,
  { isCommitted } = { isCommitted: false },
): void {
  const revision = history.revisions.find(({ id }) => id === to);
  if (revision === undefined) return;
  const { schemas, live } = inspection;
  const target = snapshotOf(revision);
  const differencesOf = (schema: Snapshot) => compareSnapshots(target, ownTables(schemas, schema));
  const keptIn = (schema: Snapshot) => keptOf(differencesOf(schema), schema, { schemas, target });
  const differences = differencesOf(after);
  // A stamp changes nothing: what drizzle's migrator left otherwise than the snapshot says is no news.
  const before = action === "stamp" ? differencesOf(live).map(describeDifference) : [];
  const wrong = differences.filter((each) => each.kind !== "extra").map(describeDifference)
    .filter((each) => !before.includes(each));
  const kept = [...keptIn(after), ...indexesTaken(statements)];
  const lost = keptIn(live).filter((path) => !kept.includes(path))
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
