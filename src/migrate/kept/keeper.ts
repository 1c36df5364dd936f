import type { SQL } from "drizzle-orm";
import { forgetKept, type Kept, readKept, retryKept, updateKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { BesideChange, FillNotes } from "../../engines/beside.ts";
import type { Step } from "../rules/plan.ts";
import type { Backfill } from "../../history/scripts/statement.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { WriteMode } from "../../engines/database.ts";
import { isNotedBy } from "../../state/rules/due.ts";
import { isGuarded } from "./guard.ts";
import { type BackfillKeeping, keepBackfill } from "./keep_backfill.ts";
import type { PaceOptions } from "../paced/backfill_walk.ts";
import { HarborError } from "../../base/errors.ts";
import type { Ahead } from "./ahead.ts";
import { putAsideAhead } from "./copy_ahead.ts";
import { type Keeping, type Part, planKeeping } from "./keep.ts";
import { noteMadeAgain } from "./made_again.ts";
import { forgetRenoted, noteFills } from "./note_fills.ts";
import { textsToKeep } from "./outside.ts";
import { putBack } from "./put_back.ts";
import { takeAside } from "./take_aside.ts";

/** What a step kept, as reported. */
export type KeptResult = Pick<Kept, "id" | "kind" | "table" | "rows" | "bytes"> & {
  readonly columns: readonly string[];
};

/** Puts aside what the batches of a step destroy. */
export interface Keeper {
  /**
   * Plans it for so many statements from a place of the script on; `null` when there is nothing to keep.
   *
   * @param change What does the same beside writers, of a table too large to say so of it while others wait
   */
  plan(from: number, count: number, change?: BesideChange | null): Promise<Keeping | null>;
  /** Makes ready for a backfill at a place of the script. */
  planBackfill(backfill: Backfill, place: number): Promise<BackfillKeeping | null>;
  /** Makes ready for noting which NULLs of columns are filled beside writers. */
  noteFills(table: string, columns: readonly string[]): Promise<readonly FillNotes[]>;
  /** Reads what the step has noted, and returns what makes it part of the step, to commit with what says so in the version table. */
  closeNotes(): Promise<{ readonly closing: readonly SQL[]; readonly noted: readonly Kept[] }>;
  /** Puts back what the step has filled, which failed. */
  giveBack(pace: PaceOptions): Promise<void>;
  /** Says what was kept, once the batch has committed. */
  settle(keeping: Keeping | null): Promise<void>;
  settleBackfill(keeping: BackfillKeeping | null): Promise<void>;
  settleNotes(noted: readonly Kept[]): Promise<void>;
  /** Returns what was kept so far, also by earlier runs of the step. */
  kept(): Promise<readonly KeptResult[]>;
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
  let texts: Promise<readonly string[]> | undefined;
  const partOf = async (from: number, count: number): Promise<Part> => {
    const statements = await (texts ??= textsToKeep(context.database, step.script));
    return { statements: statements.slice(from, from + count), earlier: statements.slice(0, from) };
  };
  const note = (results: readonly KeptResult[]) => results.forEach((each) => found.set(each.id, each));
  return {
    kept: async () => [
      ...(await keptBefore(context, step)).filter(({ id }) => !found.has(id)),
      ...found.values(),
    ],
    plan: async (from, count, change = null) => {
      const part = await partOf(from, count);
      // What was left of an earlier time is tried again when the step is undone once more: that stands in the registry.
      const setting = { ...part, isMade: isKept || change !== null, handed: change?.handsOver ?? null };
      const keeping = keeps ? await planKeeping(context, step, setting) : null;
      const notes = isKept ? await noteMadeAgain(context, step, part.statements) : [];
      if (notes.length === 0) return keeping;
      return { ...keeping ?? nothingKept, after: [...keeping?.after ?? [], ...notes], later: null };
    },
    planBackfill: async (backfill, place) =>
      keeps ? await keepBackfill(context, step, { ...await partOf(place, 1), backfill, place }) : null,
    noteFills: (table, columns) =>
      keeps && columns.length > 0 ? noteFills(context, step, { table, columns }) : Promise.resolve([]),
    async closeNotes() {
      const noted = (await readKept(context.database)).filter((kept) => isNotedBy(kept, step));
      if (noted.length === 0) return { noted, closing: [] };
      const own = { revision: step.revision.id, direction: step.direction };
      // It is counted behind that, so that nobody waits for it.
      return {
        noted,
        closing: [retryKept(own), ...noted.map((kept) => updateKept({ ...kept, state: "keeping" }))],
      };
    },
    async giveBack(pace) {
      await putBack(context, (kept) => isNotedBy(kept, step), pace);
    },
    async settle(keeping) {
      if (keeping === null) return;
      if (keeping.ahead.length > 0) await takeAside(context);
      note(await settleKept(context, keeping.kept.map(({ id }) => id)));
    },
    async settleBackfill(keeping) {
      if (keeping !== null) note(await settleKept(context, [keeping.id]));
    },
    async settleNotes(noted) {
      if (noted.length === 0) return;
      for (const each of noted) await forgetRenoted(context.database, each);
      await takeAside(context);
      note(await settleKept(context, noted.map(({ id }) => id)));
    },
  };
}

const nothingKept: Keeping = { before: [], after: [], kept: [], later: null, ahead: [] };

/** How often what came last is put aside before the batch once more, when that was much. */
const mostRounds = 20;

/**
 * Writes a batch with what puts aside what it destroys, in its own transaction, and before it what of that would take long.
 *
 * @returns What was kept in fact
 */
export async function writeKeeping(
  context: RunContext,
  { statements, mode }: { readonly statements: readonly SQL[]; readonly mode: WriteMode },
  { keeping, pace }: { readonly keeping: Keeping | null; readonly pace: PaceOptions },
): Promise<Keeping | null> {
  const { before = [], after = [], ahead = [], otherwise } = keeping ?? {};
  for (let round = 1;; round++) {
    for (const each of ahead) await putAsideAhead(context, each, pace);
    stopIfAsked(context.signal);
    try {
      await context.database.write([...before, ...statements, ...after], mode);
      return keeping;
    } catch (error) {
      if (!isGuarded(error, before.length)) throw error;
      if (otherwise !== undefined) {
        return await writeKeeping(context, { statements, mode }, { keeping: await otherwise(), pace });
      }
      if (ahead.length === 0) throw error;
      if (round === mostRounds) throw tooBusy(ahead, error);
    }
  }
}

function tooBusy(ahead: readonly Ahead[], error: unknown): unknown {
  if (!(error instanceof HarborError) || error.details.sqlState !== notNull) return error;
  const tables = ahead.map(({ table }) => `"${table.name}"`).join(", ");
  return new HarborError("busy", `Cannot put aside what goes of ${tables}`, {
    state: "others change so many of its rows that they would wait for it long",
    hint:
      "Nothing of it is destroyed. Run the command again when less is written: it goes on where it stopped. Without keeping it: --no-keep",
    cause: error,
  });
}

/** not_null_violation */
const notNull = "23502";

/** Returns what was kept, and takes away the side tables that got no row. */
async function settleKept(
  { database }: RunContext,
  ids: readonly number[],
): Promise<readonly KeptResult[]> {
  if (ids.length === 0) return [];
  const own = (await readKept(database)).filter(({ id }) => ids.includes(id));
  const empty = own.filter(({ rows }) => rows === 0);
  await forgetKept(database, empty);
  return own.filter(({ rows }) => rows > 0).map(resultOf);
}

/** Returns what earlier runs of a step that is resumed kept of it. */
async function keptBefore(
  { database }: RunContext,
  { revision, direction, resume }: Step,
): Promise<readonly KeptResult[]> {
  if (resume === null) return [];
  // What was left of an earlier time is tried again, too, and is older.
  return (await readKept(database)).filter((kept) =>
    kept.revision === revision.id && kept.direction === direction && kept.state === "kept" &&
    kept.madeAt >= resume.startedAt
  ).map(resultOf);
}

function resultOf({ id, kind, table, columns, rows, bytes }: Kept): KeptResult {
  return { id, kind, table, columns: columns.map(({ name }) => name), rows, bytes };
}
