import { type SQL, sql } from "drizzle-orm";
import { HarborError, isStop } from "../base/errors.ts";
import type { Piece } from "../engines/beside.ts";
import type { RenderedBatch } from "../engines/render_script.ts";
import type { RunContext } from "../engines/run_context.ts";
import { userStatement } from "../engines/statement_names.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import type { Script } from "../migrate/steps/batches.ts";
import { batchesIn, runBeside } from "../migrate/steps/run_beside.ts";
import { adoptionBatch, adoptionRecord, managingTables } from "./adoption_batch.ts";
import { changeInPhases, phasedBatches } from "./change_in_phases.ts";
import { despiteGuards } from "./despite_guards.ts";
import type { Adoption } from "./prepare.ts";

/** Returns the parts of a bridge that the engine would run in a way of its own; none where it is one transaction. */
export async function bridgePieces(context: RunContext, adoption: Adoption): Promise<readonly Piece[]> {
  if (adoption.phases !== null) return [];
  const { statements } = bridgeScript(context, adoption);
  const pieces = await context.database.beside?.cut({ statements }) ?? [];
  return pieces.some(({ beside }) => beside !== null) ? pieces : [];
}

/** Returns the batches that take a database over, as `adopt` would run them now. Reads only. */
export async function adoptionBatches(
  context: RunContext,
  adoption: Adoption,
): Promise<readonly RenderedBatch[]> {
  const { phases } = adoption;
  if (phases !== null) {
    const record = () => recordOf(context, adoption);
    return phasedBatches({ phases, record });
  }
  const statements = adoptionBatch(context, adoption);
  const script = bridgeScript(context, adoption);
  const pieces = await bridgePieces(context, adoption);
  return batchesIn({ batch: { statements, mode: "schema", script }, pieces });
}

/**
 * Runs a bridge piece by piece. Each leaves a schema on which the application goes on, and the last one commits what says
 * that the database is taken over: after a run that was stopped it is looked at anew, and led on from where it is.
 */
export async function changeBeside(
  context: RunContext,
  adoption: Adoption,
  { pace = {}, isTrial = false }: { readonly pace?: PaceOptions; readonly isTrial?: boolean },
): Promise<void> {
  const { database, signal, notify } = context;
  const { phases } = adoption;
  const script = bridgeScript(context, adoption);
  const doing = (text: string) => notify({ kind: "doing", text });
  await database.beside?.clear(script.statements, { signal, doing });
  const work = () =>
    phases === null
      ? runBeside(context, script, { pace, keeper: null })
      : changeInPhases(context, { phases, record: () => recordOf(context, adoption) }, pace);
  try {
    await despiteGuards(context, work, { isWhole: isTrial });
  } catch (error) {
    if (!(error instanceof HarborError) || isTrial) throw error;
    const wayOn =
      "What is done of the bridge stays, and the application goes on with it. To go on from there: harbor-db adopt";
    throw error.with({ hint: [...isStop(error) ? [] : error.hintLines, wayOn] });
  }
}

function recordOf(context: RunContext, adoption: Adoption): readonly SQL[] {
  return [...managingTables(context, adoption), ...adoptionRecord(context, adoption)];
}

/**
 * Returns a bridge as a script: what it changes, and what watches over that. It is on record once it is done, and no part of
 * it before.
 */
function bridgeScript(context: RunContext, adoption: Adoption): Script {
  const statements: SQL[] = [];
  const watches = new Map<number, SQL[]>();
  for (const { sql: text, isGuard } of adoption.statements) {
    const statement = userStatement(sql.raw(text));
    if (!isGuard) statements.push(statement);
    else {
      const place = statements.length - 1;
      watches.set(place, [...watches.get(place) ?? [], statement]);
    }
  }
  const recordAfter = (done: number) => done < statements.length ? [] : recordOf(context, adoption);
  return { before: [], start: 0, statements, watches, recordAfter };
}
