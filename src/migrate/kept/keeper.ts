import type { SQL } from "drizzle-orm";
import type { RunContext } from "../../engines/run_context.ts";
import type { Step } from "../rules/plan.ts";
import type { Backfill } from "../../history/statement.ts";
import { type BackfillKeeping, keepBackfill } from "./keep_backfill.ts";
import { plainTexts } from "../rules/plain_texts.ts";
import { type Keeping, type KeptResult, type Part, planKeeping, settleKept } from "./keep.ts";

/** Puts aside what the batches of a step destroy. */
export interface Keeper {
  /** Plans it for so many statements from a place of the script on; `null` when there is nothing to keep. */
  plan(from: number, count: number): Promise<Keeping | null>;
  /** Makes ready for a backfill at a place of the script. */
  planBackfill(backfill: Backfill, place: number): Promise<BackfillKeeping | null>;
  /** Says what was kept, once the batch has committed. */
  settle(keeping: Keeping | null): Promise<void>;
  settleBackfill(keeping: BackfillKeeping | null): Promise<void>;
  /** What was kept so far. */
  kept(): readonly KeptResult[];
}

/** Makes the keeper of a step; one that keeps nothing where nothing is to be kept. */
export function createKeeper(context: RunContext, step: Step, keeps: boolean): Keeper {
  const found = new Map<number, KeptResult>();
  const statements = plainTexts(step.script, [context.database]);
  const partOf = (from: number, count: number): Part => ({
    statements: statements.slice(from, from + count),
    earlier: statements.slice(0, from),
  });
  const note = (results: readonly KeptResult[]) => results.forEach((each) => found.set(each.id, each));
  return {
    kept: () => [...found.values()],
    plan: (from, count) => keeps ? planKeeping(context, step, partOf(from, count)) : Promise.resolve(null),
    planBackfill: (backfill, place) =>
      keeps ? keepBackfill(context, step, { ...partOf(place, 1), backfill }) : Promise.resolve(null),
    async settle(keeping) {
      if (keeping !== null) note(await settleKept(context, keeping.kept.map(({ id }) => id)));
    },
    async settleBackfill(keeping) {
      if (keeping !== null) note(await settleKept(context, [keeping.id]));
    },
  };
}

/** Returns a batch with what puts aside what it destroys, in its own transaction. */
export function withKeeping(statements: readonly SQL[], keeping: Keeping | null): readonly SQL[] {
  return keeping === null ? statements : [...keeping.before, ...statements, ...keeping.after];
}
