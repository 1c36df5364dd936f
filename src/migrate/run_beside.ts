import type { Script } from "./batches.ts";
import type { SQL } from "drizzle-orm";
import { stopIfAsked } from "../base/interrupt.ts";
import type { BesideTask, Piece } from "../engines/beside.ts";
import type { Database } from "../engines/database.ts";
import type { Backfill } from "../history/statement.ts";
import type { RunContext } from "../engines/run_context.ts";
import { createWalker, type PaceOptions } from "./backfill_walk.ts";

/**
 * Runs statements that are one transaction to every other engine: on one that can change large tables beside writers,
 * piece by piece, each of which commits with what says how far the script has come.
 *
 * @throws {HarborError} as `BesideChange.run` and `Database.write` do
 */
export async function runBeside(
  context: RunContext,
  { before, statements, recordAfter }: Script,
  pace: PaceOptions,
): Promise<void> {
  const { database, signal, notify } = context;
  let left = statements;
  let opening = before;
  for (;;) {
    stopIfAsked(signal);
    const { count, beside: change } = await nextPiece(database, left);
    const done = statements.length - left.length;
    if (change === null) {
      const own = left.slice(0, count);
      await database.write([...opening, ...own, ...recordAfter(done + count)], "schema");
    } else {
      if (opening.length > 0) await database.write(opening);
      const fill: BesideTask["fill"] = (backfill) => fillRows(context, backfill, pace);
      await change.run({
        write: (batch) => database.write(batch),
        record: recordAfter(done + count),
        signal,
        doing: (text) => notify({ kind: "doing", text }),
        fill,
      });
      notify({ kind: "done" });
    }
    opening = [];
    left = left.slice(count);
    if (left.length === 0) return;
  }
}

async function fillRows(context: RunContext, fill: Backfill, options: PaceOptions): Promise<void> {
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
