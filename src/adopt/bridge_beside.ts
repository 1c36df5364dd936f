import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import type { Piece } from "../engines/beside.ts";
import type { RenderedBatch } from "../engines/render_script.ts";
import type { RunContext } from "../engines/run_context.ts";
import { userStatement } from "../engines/statement_names.ts";
import type { PaceOptions } from "../migrate/paced/backfill_walk.ts";
import type { Script } from "../migrate/batches.ts";
import { batchesIn, runBeside } from "../migrate/run_beside.ts";
import { adoptionBatch, adoptionRecord, managingTables } from "./adoption_batch.ts";
import { despiteGuards } from "./despite_guards.ts";
import type { Adoption } from "./prepare.ts";

/** Returns the parts of a bridge that would commit one by one; none where it is one transaction. */
export async function bridgePieces({ database }: RunContext, adoption: Adoption): Promise<readonly Piece[]> {
  const pieces = await database.beside?.cut({ statements: bridgeScript(adoption).statements }) ?? [];
  return pieces.some(({ beside }) => beside !== null) ? pieces : [];
}

/** Returns the batches that take a database over, as {@link adopt} would run them now. Reads only. */
export async function adoptionBatches(
  context: RunContext,
  adoption: Adoption,
): Promise<readonly RenderedBatch[]> {
  const statements = adoptionBatch(context, adoption);
  const script = {
    ...bridgeScript(adoption),
    before: [],
    start: 0,
    recordAfter: recordOfBridge(context, adoption),
  };
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
  pace: PaceOptions = {},
): Promise<void> {
  const { database, signal, notify } = context;
  const { statements, watches } = bridgeScript(adoption);
  const clear = (keep: readonly SQL[]) =>
    database.beside?.clear(keep, { signal, doing: (text) => notify({ kind: "doing", text }) });
  await clear(statements);
  const recordAfter = recordOfBridge(context, adoption);
  try {
    await despiteGuards(
      context,
      () =>
        runBeside(context, { before: [], start: 0, statements, watches, recordAfter }, {
          pace,
          keeper: null,
        }),
    );
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const wayOn =
      "What is done of the bridge stays, and the application goes on with it. To go on from there: harbor-db adopt";
    throw error.with({ hint: [...error.code === "interrupted" ? [] : error.hintLines, wayOn] });
  }
}

/** A bridge is on record once it is done, and no part of it before. */
function recordOfBridge(context: RunContext, adoption: Adoption): Script["recordAfter"] {
  const count = bridgeScript(adoption).statements.length;
  return (done) =>
    done < count ? [] : [...managingTables(context, adoption), ...adoptionRecord(context, adoption)];
}

/** Returns what a bridge changes, and what watches over it. */
function bridgeScript({ statements }: Adoption): Required<Pick<Script, "statements" | "watches">> {
  const changes: SQL[] = [];
  const watches = new Map<number, SQL[]>();
  for (const { sql: text, isGuard } of statements) {
    const statement = userStatement(sql.raw(text));
    if (!isGuard) changes.push(statement);
    else {
      const place = changes.length - 1;
      watches.set(place, [...watches.get(place) ?? [], statement]);
    }
  }
  return { statements: changes, watches };
}
