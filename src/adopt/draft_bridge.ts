import { bridgeEnds, type BridgeTarget } from "./rules/bridge_ends.ts";
import { completePostgresBridge } from "./rules/bridge_postgres.ts";
import { completeSqliteBridge } from "./rules/bridge_sqlite.ts";
import { type Phases, phasesOfBridge } from "./rules/bridge_phases.ts";
import type { Dialect } from "../base/dialect.ts";
import type { BridgeStatement } from "./rules/bridge_statement.ts";
import type { DecidedFill } from "../author/rules/change/stages.ts";
import { decided } from "../author/rules/change/decisions.ts";
import { requiredFills } from "../author/rules/change/fills.ts";
import { noRenames } from "../author/rules/change/renames.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { changeStatements } from "../author/draft_revision.ts";
import type { DrizzleEngine } from "../author/project/drizzle_engine.ts";
import { flattened, withoutSchemas } from "../schema/flat_schemas.ts";

/** The one-off script that takes a live schema to a revision. */
export interface Bridge {
  /** In one transaction. */
  readonly statements: readonly BridgeStatement[];
  /** What rows get in columns that must not be empty. */
  readonly fills: readonly DecidedFill[];
  /** Writes the same as a revision would do it, or says why that cannot be; `null` where the engine has a way of its own. */
  readonly writePhases: (() => Promise<Phases | string>) | null;
}

const phasers: Readonly<Record<Dialect, typeof phasesOfBridge | null>> = {
  sqlite: null,
  postgresql: phasesOfBridge,
};

const completers = { sqlite: completeSqliteBridge, postgresql: completePostgresBridge };

/**
 * Writes the bridge from a live schema to a revision's, with the engine that writes revisions. It adds and relaxes;
 * what the revision does not know stays. What is in schemas of its own is in the default one here, called `schema.name`,
 * until the statements are complete.
 */
export async function draftBridge(
  live: Snapshot,
  target: BridgeTarget,
  engine: DrizzleEngine,
): Promise<Bridge> {
  const ends = bridgeEnds(live, { ...target, kit: withoutSchemas(flattened(target.kit)) });
  const fills = decided(requiredFills({ ...ends, renames: noRenames, values: new Map() }));
  const change = { ...ends, renames: noRenames, fills };
  const drafts = await changeStatements({ ...change, isAtomic: true }, engine);
  const { dialect } = target.snapshot;
  const phase = phasers[dialect];
  const subject = { live, target: target.snapshot, fills };
  return {
    fills,
    statements: completers[dialect](drafts.map(({ sql }) => sql), subject),
    writePhases: phase && (async () => phase(await changeStatements(change, engine), subject)),
  };
}
