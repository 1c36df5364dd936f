import type { Batch, Script } from "./batches.ts";
import type { SQL } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { BesideTask, BesideWriters, Piece, ScriptToCut, Staying } from "../../engines/beside.ts";
import type { Database } from "../../engines/database.ts";
import type { Backfill } from "../../history/scripts/statement.ts";
import type { RenderedBatch } from "../../engines/render_script.ts";
import type { Step } from "../rules/plan.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { type Keeper, writeKeeping } from "../kept/keeper.ts";
import { takeAside } from "../kept/take_aside.ts";
import { createWalker, type PaceOptions } from "../paced/backfill_walk.ts";

/**
 * Runs statements that are one transaction to every other engine: on one that can change large tables beside writers,
 * piece by piece, each of which commits with what says how far the script has come.
 *
 * @throws {HarborError} as `BesideChange.run` and `Database.write` do
 */
export async function runBeside(
  context: RunContext,
  script: Script,
  { pace, keeper }: {
    readonly pace: PaceOptions;
    /** `null`: nothing is kept of what goes. */
    readonly keeper: Keeper | null;
  },
): Promise<void> {
  const { database, signal, notify } = context;
  const { before, statements, start, recordAfter } = script;
  let left = statements;
  let opening = before;
  for (;;) {
    stopIfAsked(signal);
    const { count, beside: change } = await nextPiece(database, left);
    const done = statements.length - left.length;
    const isInPlace = change?.way === "definition" || change?.way === "index";
    const keeping = isInPlace ? null : await keeper?.plan(start + done, count, change) ?? null;
    const notes = change === null
      ? []
      : await keeper?.noteFills(change.table, (change.fills ?? []).map(({ column }) => column)) ?? [];
    const { closing, noted } = await keeper?.closeNotes() ?? { closing: [], noted: [] };
    const record = [...recordAfter(done + count), ...closing];
    const later = change?.handsOver && keeping?.later?.table === change.table ? keeping.later : null;
    if (change === null || (keeping !== null && later === null)) {
      const own = watched(script, done, done + count);
      const batch = {
        statements: [...opening, ...own, ...record],
        mode: "schema",
      } as const;
      const kept = await writeKeeping(context, batch, { keeping, pace });
      await keeper?.settle(kept);
    } else {
      if (opening.length > 0) await database.write(opening);
      const fill: BesideTask["fill"] = (backfill) => fillRows(context, backfill, pace);
      try {
        await change.run({
          write: (batch) => database.write(batch),
          record,
          signal,
          doing: (text) => notify({ kind: "doing", text }),
          fill,
          handOver: later?.handOver ?? null,
          notes,
        });
      } catch (error) {
        // The rows do not fit: it does not go on by itself.
        const isRefused = error instanceof HarborError &&
          ["statement_failed", "dangling_reference"].includes(error.code);
        if (isRefused) await keeper?.giveBack(pace);
        throw error;
      }
      notify({ kind: "done" });
      if (later !== null) await takeAside(context, pace);
      await keeper?.settle(keeping);
    }
    await keeper?.settleNotes(noted);
    opening = [];
    left = left.slice(count);
    if (left.length === 0) return;
  }
}

/** Returns statements of a script as they are written, each with what watches over it. */
function watched({ statements, watches }: Script, from: number, to: number): readonly SQL[] {
  return statements.slice(from, to).flatMap((each, at) => [each, ...watches?.get(from + at) ?? []]);
}

/** Changes the rows that are wanted in batches, of which nothing is on record: what is changed is passed over the next time. */
export async function fillRows(context: RunContext, fill: Backfill, options: PaceOptions): Promise<void> {
  const pace = await context.database.pace(fill.table);
  await createWalker(context, fill, { pace, options }).walk({
    from: { key: null, isAhead: false },
    end: null,
    save: () => [],
    onBatch: () => {},
    onProgress: () => {},
  });
}

/** An empty script is one piece all the same, so that it is recorded. */
async function nextPiece({ beside }: Database, statements: readonly SQL[]): Promise<Piece> {
  const [piece] = await beside?.cut({ statements }) ?? [];
  return piece ?? { count: statements.length, beside: null };
}

/** A part of a plan that commits on its own, as the engine would run it now. */
export interface Way {
  readonly step: Step;
  readonly batch: Batch;
  /** What a batch is cut into; empty for one that is not. */
  readonly pieces: readonly WayPiece[];
}

/** A piece, and what becomes in it of rows where it is one transaction. */
interface WayPiece extends Piece {
  readonly stays: readonly Staying[];
}

/** Says of each batch of a plan in which way it would run, on the schema that those before it leave. Reads only. */
export async function waysOf(
  { beside }: Database,
  batches: Iterable<{ readonly step: Step; readonly batch: Batch }>,
): Promise<readonly Way[]> {
  const ways: Way[] = [];
  const earlier: SQL[] = [];
  for (const { step, batch } of batches) {
    const { script, statements } = batch;
    const pieces = script === null || beside === undefined
      ? []
      : await piecesOf(beside, { earlier, statements: script.statements });
    ways.push({ step, batch, pieces });
    earlier.push(...script?.statements ?? statements.slice(0, 1));
  }
  return ways;
}

async function piecesOf(beside: BesideWriters, script: ScriptToCut): Promise<readonly WayPiece[]> {
  const pieces: WayPiece[] = [];
  let at = 0;
  for (const piece of await beside.cut(script)) {
    const own = script.statements.slice(at, at += piece.count);
    pieces.push({ ...piece, stays: piece.beside === null ? await beside.staying(own) : [] });
  }
  return pieces;
}

/** Returns the batches that run in a way. */
export function batchesIn(
  { batch, pieces }: {
    readonly batch: Pick<Batch, "statements" | "mode" | "script">;
    readonly pieces: readonly Piece[];
  },
): readonly RenderedBatch[] {
  const { script } = batch;
  if (script === null || pieces.every(({ beside }) => beside === null)) return [{ ...batch, words: null }];
  let done = 0;
  return pieces.flatMap(({ count, beside }): readonly RenderedBatch[] => {
    const own = watched(script, done, done + count);
    const opening = done === 0 ? script.before : [];
    const record = script.recordAfter(done += count);
    if (beside === null) {
      return [{ mode: "schema", statements: [...opening, ...own, ...record], words: null }];
    }
    return [
      ...opening.length === 0 ? [] : [{ mode: "rows" as const, statements: opening, words: null }],
      ...beside.batches(record).map((each, place) => ({
        ...each,
        words: place === 0 ? `${beside.table}: ${beside.words}` : null,
      })),
    ];
  });
}
