import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import { formatBytes } from "../../base/quantity.ts";
import type { Database, Room } from "../../engines/database.ts";
import type { Kept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { planLoss, schemasAround } from "../kept/keep.ts";
import { textsToKeep } from "../kept/outside.ts";
import { readSum } from "../kept/room.ts";
import { columnsGone, type Loss, lossesOf, tablesOfLosses } from "../kept/rules/losses.ts";
import { type FurtherLoss, lossesBeyond } from "../kept/rules/losses_beyond.ts";
import { type RowBytes, type Sizes, sizes } from "../kept/side/sizes.ts";
import { comesBack } from "../../state/rules/due.ts";
import type { State } from "../../state/state.ts";
import type { Step } from "../rules/plan.ts";
import { waysOfPlan } from "../steps/run_steps.ts";
import { copiesIn } from "./copies.ts";
import { freedBy, type Going, storedBytes } from "./freed.ts";
import { type Part, tellsWhatGoes } from "./part.ts";

interface PlanToRun {
  readonly steps: readonly Step[];
  readonly state: State;
}

/**
 * Makes sure before the first step that there is room for what all of them put aside, one after the other, and for the copies that they
 * make of tables, as far as both are known: they take more than what is counted, and no more is free by then, so that no plan is refused
 * that would fit. Counted is
 * - of tables and columns that go, what is in the rows that will be kept;
 * - of columns whose values a transaction makes others of, what is in all rows that are put aside first, where no statement before
 *   writes there. What they become is told when it is there, and what a backfill changes batch by batch;
 * - of copies, what is in the columns that stay as they are, and in the indexes on them but those on expressions or of some rows.
 *
 * Not counted is how full pages are, and what of a journal takes the place of pages that are written over. Behind a statement that
 * deletes rows or hides what it does nothing is known.
 *
 * Reads only; the rows where there is little room, and nothing where no engine tells how much there is.
 *
 * @param keeps Whether anything is put aside
 * @throws {HarborError} `disk_full`; `interrupted`
 */
export async function requirePlanRoom(
  context: RunContext,
  { steps, state, kept, keeps }: PlanToRun & {
    /** All that is kept at the start. */
    readonly kept: readonly Kept[];
    readonly keeps: boolean;
  },
): Promise<void> {
  const { database, signal, notify } = context;
  const { dialect } = database;
  const own = sizes[dialect];
  const room = await database.room();
  if (room === null || own === null) return;
  const texts = steps.flatMap(({ script }) => script.statements.map((each) => each.sql));
  if (tablesOfLosses(texts, dialect)?.length === 0) return;
  const space = await database.space();
  // No value goes twice, nor does a step put aside more keys than there are, or copy more than all.
  if (space !== null && (steps.length + 2) * space.fileBytes <= room.bytes) return;
  notify({ kind: "doing", text: "looking whether there is room for what is kept" });
  const [live, parts] = [await database.introspect(), await partsOf(context, { steps, state })];
  const past: string[] = [];
  let lost: readonly Loss[] = [];
  let taken = 0;
  // SQLite looks at every page for that, while which nobody commits beside a rollback journal: so only where it matters.
  const back = kept.filter((each) =>
    comesBack(each, steps, { history: context.history, applied: state.applied })
  );
  let letGo = [() => storedBytes(database, own, back.map(({ sideTable }) => sideTable))];
  const isRoomFor = async (needed: number) => {
    if (needed <= room.after(taken)) return true;
    for (const read of letGo) taken -= await read();
    letGo = [];
    return needed <= room.after(taken);
  };
  for (const part of parts) {
    stopIfAsked(signal);
    past.push(...part.texts);
    const all = lossesOf(live, past);
    const losses = lossesBeyond(lost, all);
    const copies = copiesIn(own, { part, all, past, live });
    const copied = await readSum(context, own, copies);
    const names = copies.map(({ table }) => `"${table}"`).join(", ");
    const what = `${names} ${copies.length === 1 ? "is" : "are"} copied${
      part.beside === null ? "" : " beside its writers"
    }`;
    if (!await isRoomFor(copied)) {
      throw noRoom(database, { part, room, needed: copied, free: room.after(taken), what, remedy: "" });
    }
    const aside = await asideIn(context, own, { part, losses });
    const [gone, changed] = keeps
      ? [await readSum(context, own, aside.gone), await readSum(context, own, aside.changed)]
      : [0, 0];
    // In one transaction nothing is free again before all is there; a table that is handed over gives its pages back batch by batch.
    const needed = part.beside === null ? copied + gone + changed : part.beside.handsOver ? 0 : gone;
    if (!await isRoomFor(needed)) {
      throw noRoom(database, {
        part,
        room,
        needed,
        free: room.after(taken),
        what: `what goes${changed > 0 ? " or changes" : ""} is put aside${
          part.beside === null && copied > 0 ? ` and ${what}` : ""
        }`,
        remedy: ", or let it go, which takes less: --no-keep",
      });
    }
    if (!tellsWhatGoes(part, dialect)) break;
    // Of what is changed, what stays what it was is given back.
    taken += gone;
    letGo.push(() => freedBy(context, own, { part, losses, live }));
    lost = all;
  }
  notify({ kind: "done" });
}

/** Cuts each step as it would run, on the schema that those before it leave. */
async function partsOf(
  context: RunContext,
  plan: PlanToRun,
): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const { step, batch, pieces } of await waysOfPlan(context, plan)) {
    const { script, statement, backfill } = batch;
    const start = script?.start ?? statement;
    if (start === null) continue;
    const texts = (await textsToKeep(context.database, step.script)).slice(start);
    const own = pieces.length > 0 ? pieces : [{ count: script?.statements.length ?? 1, beside: null }];
    let done = 0;
    for (const { count, beside } of own) {
      parts.push({ step, texts: texts.slice(done, done += count), beside, isBackfill: backfill !== null });
    }
  }
  return parts;
}

/** What side tables take at least of a part. */
interface Aside {
  /** Of what goes. */
  readonly gone: readonly RowBytes[];
  /** Of what a transaction may make others of, until it knows of which it did. */
  readonly changed: readonly RowBytes[];
}

async function asideIn(context: RunContext, own: Sizes, { part, losses }: Going): Promise<Aside> {
  const { step, beside, isBackfill } = part;
  const schemas = schemasAround(context, step);
  const isCounted = ({ loss, known }: FurtherLoss) =>
    (loss.kind !== "changed" || (beside === null && !isBackfill)) &&
    columnsGone(loss).every((name) => known.includes(name));
  const found = await Promise.all(
    losses.filter(isCounted).map(async ({ loss, known }) => {
      const plan = await planLoss(context, { step, loss, schemas, id: 0, handed: null });
      const { table, columns, where } = plan.values;
      // What it becomes stands beside a value that is changed.
      const certain = [...new Set(columns)].filter((name) => known.includes(name));
      const rows = certain.length === 0 ? [] : [{ table, bytes: own.inSideTable(certain), where }];
      return { isGone: loss.kind !== "changed", rows };
    }),
  );
  return {
    gone: found.filter(({ isGone }) => isGone).flatMap(({ rows }) => rows),
    changed: found.filter(({ isGone }) => !isGone).flatMap(({ rows }) => rows),
  };
}

function noRoom(
  { url }: Database,
  { part: { step: { revision, direction } }, room: { folder, bytes }, needed, free, what, remedy }: {
    readonly part: Part;
    readonly room: Room;
    readonly needed: number;
    /** When it is its turn. */
    readonly free: number;
    readonly what: string;
    /** Another one than to make room. */
    readonly remedy: string;
  },
): HarborError {
  const [now, then] = [formatBytes(bytes), formatBytes(free)];
  return new HarborError("disk_full", `Cannot ${direction} "${url}"`, {
    state: `on the way past ${revision.id} ${what} in "${folder}", which takes at least ${
      formatBytes(needed)
    }, and there is room for ${then}${now === then ? "" : ` by then, ${now} now`}`,
    hint: `Free some space on that device and run the command again${remedy}. Nothing was changed.`,
    details: { revision: revision.id, folder, needed, free },
  });
}
