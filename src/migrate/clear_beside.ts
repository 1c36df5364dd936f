import { sql } from "drizzle-orm";
import { type BesideProgress, readBeside } from "../engines/beside_progress.ts";
import type { RunContext } from "../engines/run_context.ts";
import { userStatement } from "../engines/statement_names.ts";
import { lockOptions } from "../state/lock_options.ts";
import { isGivenUp } from "../state/rules/due.ts";
import { clearAhead } from "./kept/ahead.ts";
import { putBack } from "./kept/put_back.ts";
import type { ReturnedResult } from "./kept/settle_return.ts";
import { takeAside } from "./kept/take_aside.ts";
import type { PaceOptions } from "./paced/backfill_walk.ts";
import type { Step } from "./rules/plan.ts";

/** Whether changes beside writers left anything that {@link clearBeside} ends. */
export async function isAnyLeft({ database }: Pick<RunContext, "database">): Promise<boolean> {
  return (await readBeside(database)).length > 0;
}

/** What {@link clearBeside} found and did. */
export interface Cleared {
  readonly changes: readonly BesideProgress[];
  /** The NULLs that were filled by steps which are not gone on with. */
  readonly returned: readonly ReturnedResult[];
}

/** Where there is nothing to clear. */
export const nothingCleared: Cleared = { changes: [], returned: [] };

interface ClearOptions {
  /** Milliseconds to wait for another harbor-db; `null` where the lock is held. */
  readonly lockWaitMs: number | null;
  readonly pace?: PaceOptions;
}

/**
 * Takes away what changes beside writers left that were interrupted, or whose tidying up was, but for those of steps to
 * come; what went with one that is done is put aside to the end first, and what one filled that is not gone on with is put back. An
 * application has none of it to fear, but writes a little slower while it stands.
 */
export async function clearBeside(
  context: RunContext,
  steps: readonly Step[],
  { lockWaitMs, pace = {} }: ClearOptions,
): Promise<Cleared> {
  const { database, signal, notify } = context;
  const changes = await readBeside(database);
  if (database.beside === undefined && changes.length === 0) return nothingCleared;
  const keep = steps.flatMap(({ script }) => script.statements).map((each) =>
    userStatement(sql.raw(each.sql))
  );
  const doing = (text: string) => notify({ kind: "doing", text });
  const clear = async () => {
    await takeAside(context);
    await clearAhead(context, steps);
    if (database.beside === undefined) return [];
    await database.beside.clear(keep, { signal, doing });
    return await putBack(context, (kept) => isGivenUp(kept, steps), pace);
  };
  const returned = lockWaitMs === null
    ? await clear()
    : await database.withLock(clear, lockOptions(context, lockWaitMs));
  if (changes.length > 0) notify({ kind: "done" });
  return { changes, returned };
}
