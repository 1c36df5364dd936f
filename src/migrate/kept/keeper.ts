import type { SQL } from "drizzle-orm";
import type { RunContext } from "../../engines/run_context.ts";
import type { Step } from "../rules/plan.ts";
import type { Backfill } from "../../history/statement.ts";
import type { Database, WriteMode } from "../../engines/database.ts";
import { isGuarded } from "./guard.ts";
import { type BackfillKeeping, keepBackfill } from "./keep_backfill.ts";
import { plainTexts } from "../rules/plain_texts.ts";
import { type Keeping, type KeptResult, type Part, planKeeping, settleKept } from "./keep.ts";

/** Puts aside what the batches of a step destroy. */
export interface Keeper {
  /**
   * Plans it for so many statements from a place of the script on; `null` when there is nothing to keep.
   *
   * @param isLarge Whether a table is too large to say so of it while others wait
   */
  plan(from: number, count: number, isLarge?: boolean): Promise<Keeping | null>;
  /** Makes ready for a backfill at a place of the script. */
  planBackfill(backfill: Backfill, place: number): Promise<BackfillKeeping | null>;
  /** Says what was kept, once the batch has committed. */
  settle(keeping: Keeping | null): Promise<void>;
  settleBackfill(keeping: BackfillKeeping | null): Promise<void>;
  /** What was kept so far. */
  kept(): readonly KeptResult[];
}

/**
 * Makes the keeper of a step; one that keeps nothing where nothing is to be kept.
 *
 * @param keeps Whether it does
 * @param isKept Whether something is kept already
 */
export function createKeeper(
  context: RunContext,
  step: Step,
  { keeps, isKept }: { readonly keeps: boolean; readonly isKept: boolean },
): Keeper {
  const found = new Map<number, KeptResult>();
  const statements = plainTexts(step.script, [context.database]);
  const partOf = (from: number, count: number): Part => ({
    statements: statements.slice(from, from + count),
    earlier: statements.slice(0, from),
  });
  const note = (results: readonly KeptResult[]) => results.forEach((each) => found.set(each.id, each));
  return {
    kept: () => [...found.values()],
    plan: (from, count, isLarge = false) =>
      keeps
        // What was left of an earlier time is tried again when the step is undone once more: that stands in the registry.
        ? planKeeping(context, step, { ...partOf(from, count), isMade: isKept || isLarge })
        : Promise.resolve(null),
    planBackfill: (backfill, place) =>
      keeps ? keepBackfill(context, step, { ...partOf(place, 1), backfill, place }) : Promise.resolve(null),
    async settle(keeping) {
      if (keeping !== null) note(await settleKept(context, keeping.kept.map(({ id }) => id)));
    },
    async settleBackfill(keeping) {
      if (keeping !== null) note(await settleKept(context, [keeping.id]));
    },
  };
}

/**
 * Writes a batch with what puts aside what it destroys, in its own transaction.
 *
 * @returns What was kept in fact
 */
export async function writeKeeping(
  database: Database,
  { statements, mode }: { readonly statements: readonly SQL[]; readonly mode: WriteMode },
  keeping: Keeping | null,
): Promise<Keeping | null> {
  const { before = [], after = [], otherwise } = keeping ?? {};
  try {
    await database.write([...before, ...statements, ...after], mode);
    return keeping;
  } catch (error) {
    if (otherwise === undefined || !isGuarded(error, before.length)) throw error;
    return await writeKeeping(database, { statements, mode }, await otherwise());
  }
}
