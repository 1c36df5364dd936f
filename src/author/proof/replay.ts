import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { type History, type Revision, sha256 } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { plan } from "../../migrate/rules/plan.ts";
import { startingBatch } from "../../migrate/steps/managed.ts";
import { runScripts } from "../../migrate/steps/run_scripts.ts";
import { recordOf } from "../../state/read_unmanaged.ts";
import type { Brought } from "./host.ts";
import { compare, type Start } from "./prover.ts";

/**
 * Goes from base to a place of the history by its scripts alone, without what an upgrade looks at, keeps and writes down of
 * each revision; what runs later has them for one.
 *
 * @returns `null` where a script fails, or the schema is not exactly what the snapshot there says: an upgrade has to show then
 * what is wrong, or that nothing is
 */
export async function replay(
  context: RunContext,
  { place, brought }: { readonly place: number; readonly brought: Brought },
): Promise<Start | null> {
  const { database, history, version, now } = context;
  const last = history.revisions[place - 1]!;
  if (snapshotIfThere(last) === null) return null;
  const whole = asOne(history.revisions.slice(0, place));
  const short: History = { ...history, revisions: [whole, ...history.revisions.slice(place)] };
  try {
    const steps = plan(history, [], { direction: "upgrade", text: last.id });
    await runScripts(context, steps.map(({ script }) => script));
    const applied = recordOf(whole, { startedAt: now().toISOString(), appliedBy: version, origin: "run" });
    await database.write(startingBatch({ ...context, history: short }, [applied]));
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    return null;
  }
  const live = await database.introspect();
  if ((await compare(context, place, { brought, live })).length > 0) return null;
  return { brought, inherited: new Set(), live, history: short };
}

/** Returns a revision that stands for others: it leaves what the last one does. */
function asOne(revisions: readonly Revision[]): Revision {
  const checksum = sha256(revisions.map((each) => each.checksum).join());
  return {
    ...revisions.at(-1)!,
    parent: null,
    checksum,
    rawChecksum: checksum,
    upgrade() {
      const scripts = revisions.map((each) => each.upgrade());
      return { ...scripts.at(-1)!, statements: scripts.flatMap(({ statements }) => statements) };
    },
    upgradeText: () => null,
    downgrade: () => null,
    downgradeText: () => null,
  };
}
