import { HarborError } from "../base/errors.ts";
import { isSameName } from "../base/fold_name.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { formatBytes } from "../base/quantity.ts";
import type { Database, Room } from "../engines/database.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { planLoss, schemasAround } from "./kept/keep.ts";
import { textsToKeep } from "./kept/outside.ts";
import { readSum } from "./kept/room.ts";
import { columnsGone, type Loss, lossesOf, tablesOfLosses } from "./kept/rules/losses.ts";
import { type FurtherLoss, lossesBeyond } from "./kept/rules/losses_beyond.ts";
import { type Sizes, sizes, type Stored } from "./kept/side/sizes.ts";
import type { PreparedPlan } from "./prepare_plan.ts";
import type { Step } from "./rules/plan.ts";
import { effectsOf } from "./rules/statement_effects.ts";
import { waysOfPlan } from "./steps/run_steps.ts";

/** Statements of a step that commit together. */
interface Part {
  readonly step: Step;
  readonly texts: readonly string[];
  /** The table that is handed over as it was, so that what is kept of it takes no more than it did; `null` for none. */
  readonly handed: string | null;
}

/**
 * Makes sure before the first step that there is room for what all of them put aside, one after the other, as far as that is known:
 * of the tables and columns that go. It counts what they take at least, and what is free behind each step at most, so that no plan is
 * refused that would fit. What values become in what a script changes is told when its step is next, as is what comes behind a
 * statement that deletes rows or hides what it does.
 *
 * Reads only; the rows where there is little room, and nothing where no engine tells how much there is.
 *
 * @throws {HarborError} `disk_full`; `interrupted`
 */
export async function requirePlanRoom(
  context: RunContext,
  { steps, state, kept }: Pick<PreparedPlan, "steps" | "state" | "kept">,
): Promise<void> {
  const { database, signal, notify } = context;
  const { dialect } = database;
  const own = sizes[dialect];
  const room = await database.room();
  if (room === null || own === null) return;
  const texts = steps.flatMap(({ script }) => script.statements.map((each) => each.sql));
  if (tablesOfLosses(texts, dialect)?.length === 0) return;
  const space = await database.space();
  // No value goes twice, nor does a step put aside more keys than there are.
  if (space !== null && (steps.length + 1) * space.fileBytes <= room.bytes) return;
  notify({ kind: "doing", text: "looking whether there is room for what is kept" });
  const [live, parts] = [await database.introspect(), await partsOf(context, { steps, state })];
  const past: string[] = [];
  let lost: readonly Loss[] = [];
  let taken = -await storedBytes(database, own, kept.map(({ sideTable }) => sideTable));
  for (const part of parts) {
    stopIfAsked(signal);
    past.push(...part.texts);
    const all = lossesOf(live, past);
    const losses = lossesBeyond(lost, all);
    const needed = await neededFor(context, own, { part, losses });
    if (part.handed === null && needed > room.after(taken)) {
      throw noRoom(database, { part, room, needed, free: room.after(taken) });
    }
    if (!tellsWhatGoes(part, dialect)) break;
    taken += needed - await freedBy(database, own, { part, losses, live });
    lost = all;
  }
  notify({ kind: "done" });
}

/** What a table that is handed over leaves is seen on the schema that those before it leave. */
async function partsOf(
  context: RunContext,
  plan: Pick<PreparedPlan, "steps" | "state">,
): Promise<readonly Part[]> {
  const parts: Part[] = [];
  for (const { step, batch, pieces } of await waysOfPlan(context, plan)) {
    const { script, statement } = batch;
    const start = script?.start ?? statement;
    if (start === null) continue;
    const texts = (await textsToKeep(context.database, step.script)).slice(start);
    const own = pieces.length > 0 ? pieces : [{ count: script?.statements.length ?? 1, beside: null }];
    let done = 0;
    for (const { count, beside } of own) {
      const handed = beside?.handsOver ? beside.table : null;
      parts.push({ step, texts: texts.slice(done, done += count), handed });
    }
  }
  return parts;
}

interface Going {
  readonly part: Part;
  readonly losses: readonly FurtherLoss[];
}

/** Returns how many bytes side tables take at least. */
async function neededFor(context: RunContext, own: Sizes, { part, losses }: Going): Promise<number> {
  const { step } = part;
  const schemas = schemasAround(context, step);
  const found = await Promise.all(losses.map(async ({ loss, known }) => {
    if (loss.kind === "columns" && loss.columns.some((name) => !known.includes(name))) return [];
    const { values: { table, columns, where } } = await planLoss(context, {
      step,
      loss,
      schemas,
      id: 0,
      handed: null,
    });
    const certain = columns.filter((name) => known.includes(name));
    return certain.length === 0 ? [] : [own.inSideTable(table, certain, where)];
  }));
  return await readSum(context.database, found.flat());
}

/** Whether the text of statements tells all that goes of tables. */
function tellsWhatGoes({ texts }: Part, dialect: Database["dialect"]): boolean {
  return texts.flatMap((text) => effectsOf(text, dialect))
    .every(({ kind }) => kind !== "fewer rows" && kind !== "hidden");
}

/**
 * Returns how many bytes are free at most behind a part: of what goes, of indexes on it or that the statements name, and of a table
 * that a copy takes the place of also what nothing was in.
 */
async function freedBy(
  database: Database,
  own: Sizes,
  { part: { texts, handed }, losses, live }: Going & { readonly live: Snapshot },
): Promise<number> {
  const { dialect } = database;
  const copied = texts.flatMap((text) => effectsOf(text, dialect))
    .flatMap((effect) => effect.kind === "copy" ? [effect.source] : []);
  const anew = handed === null ? copied : [...copied, handed];
  const isAnew = (table: string) => anew.some((each) => isSameName(dialect, each, table));
  const named = live.tables.flatMap((table) =>
    table.indexes.filter(({ name }) => texts.some((text) => text.includes(name)))
      .map(({ name }) => ({ name, table: table.name }))
  );
  const gone = losses.flatMap(({ loss }) =>
    loss.table.indexes.filter(({ columns }) => columns.some((name) => columnsGone(loss).includes(name)))
      .map(({ name }) => name)
  );
  const whole = losses.filter(({ loss }) => loss.kind === "table").map(({ loss }) => loss.table.name);
  const tables = [...anew, ...losses.map(({ loss }) => loss.table.name), ...named.map(({ table }) => table)];
  const stored = (await readStored(database, own, tables)).map(({ name, table, bytes, unused }) => {
    const isGone = whole.some((each) => isSameName(dialect, each, table)) ||
      [...gone, ...named.map((each) => each.name)].some((each) => isSameName(dialect, each, name));
    return isGone ? bytes : isAnew(table) ? unused : 0;
  });
  const values = losses.flatMap(({ loss }) =>
    loss.kind === "columns" ? [own.inTable(loss.table.name, columnsGone(loss))] : []
  );
  return stored.reduce((sum, bytes) => sum + bytes, await readSum(database, values));
}

async function readStored(
  database: Database,
  own: Sizes,
  tables: readonly string[],
): Promise<readonly Stored[]> {
  if (tables.length === 0) return [];
  const found = await database.read<Stored>(own.stored([...new Set(tables)]));
  return found.map((each) => ({ ...each, bytes: Number(each.bytes), unused: Number(each.unused) }));
}

async function storedBytes(database: Database, own: Sizes, tables: readonly string[]): Promise<number> {
  return (await readStored(database, own, tables)).reduce((sum, { bytes }) => sum + bytes, 0);
}

function noRoom(
  { url }: Database,
  { part: { step: { revision, direction } }, room: { folder, bytes }, needed, free }: {
    readonly part: Part;
    readonly room: Room;
    readonly needed: number;
    /** When it is its turn. */
    readonly free: number;
  },
): HarborError {
  const [now, then] = [formatBytes(bytes), formatBytes(free)];
  return new HarborError("disk_full", `Cannot ${direction} "${url}"`, {
    state: `what goes with ${revision.id} is put aside in "${folder}", which takes at least ${
      formatBytes(needed)
    }, and there is room for ${then}${now === then ? "" : ` by then, ${now} now`}`,
    hint:
      "Free some space on that device and run the command again, or let it go, which takes less: --no-keep. Nothing was changed.",
    details: { revision: revision.id, folder, needed, free },
  });
}
