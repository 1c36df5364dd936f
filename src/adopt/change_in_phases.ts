import type { SQL } from "drizzle-orm";
import { stopIfAsked } from "../base/interrupt.ts";
import type { RenderedBatch } from "../engines/render_script.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { Statement } from "../history/scripts/statement.ts";
import { type Batch, cutIntoBatches } from "../migrate/steps/batches.ts";
import { isIndexMade } from "../migrate/steps/is_index_made.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import { fillRows } from "../migrate/steps/run_beside.ts";
import { byTable } from "./rules/by_table.ts";

/** A bridge in phases, and what says that it is done. */
export interface PhasedBridge {
  readonly phases: readonly Statement[];
  /** Returns what is on record once all of it is done, in the transaction of the last statements. */
  record(): readonly SQL[];
}

/** Returns the batches of a bridge in phases, with backfills as the whole statement that their batches add up to. */
export function phasedBatches(bridge: PhasedBridge): readonly RenderedBatch[] {
  return [...batchesOf(bridge)].map(({ mode, statements }) => ({ mode, statements, words: null }));
}

/**
 * Runs a bridge phase by phase, as a revision runs. Nothing is on record before its end: after a run that was stopped the
 * database is looked at anew, and what is done of the bridge is no part of the next one.
 */
export async function changeInPhases(
  context: RunContext,
  bridge: PhasedBridge,
  pace: PaceOptions,
): Promise<void> {
  const { database, signal, notify } = context;
  for (const batch of batchesOf(bridge)) {
    stopIfAsked(signal);
    if (batch.backfill !== null) {
      await fillRows(context, batch.backfill, pace);
      notify({ kind: "done" });
    } else if (batch.makesIndex === null || !await isIndexMade(database, batch.makesIndex)) {
      await database.write(batch.statements, batch.mode);
    }
  }
}

/** What is on record goes before what locks tables, so that those are not held for it. */
function* batchesOf({ phases, record }: PhasedBridge): Generator<Pick<Batch, BatchParts>> {
  const cut = { from: 0, before: [], isRecorded: true, rows: () => [] };
  const batches = byTable(phases).flatMap((statements) => [...cutIntoBatches({ ...cut, statements })])
    .filter(({ statements }) => statements.length > 0);
  const last = batches.at(-1)?.mode === "schema" ? batches.pop() : undefined;
  yield* batches;
  const statements = [...record(), ...last?.statements ?? []];
  yield { mode: "schema", statements, backfill: null, makesIndex: null };
}

type BatchParts = "mode" | "statements" | "backfill" | "makesIndex";
