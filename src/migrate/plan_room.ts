import { HarborError } from "../base/errors.ts";
import { isSameName } from "../base/fold_name.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { formatBytes } from "../base/quantity.ts";
import type { BesideChange } from "../engines/beside.ts";
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
  /** What changes a large table beside its writers; `null` where it is one transaction. */
  readonly beside: BesideChange | null;
}

/**
 * Makes sure before the first step that there is room for what all of them put aside, one after the other, as far as that is known:
 * of the tables and columns that go; and for the copies of large tables. It counts what they take at least, and what is free behind each step at most, so that no plan is
 * refused that would fit. What values become in what a script changes is told when its step is next, as is what comes behind a
 * statement that deletes rows or hides what it does.
 *
 * Reads only; the rows where there is little room, and nothing where no engine tells how much there is.
 *
 * @param keeps Whether anything is put aside
 * @throws {HarborError} `disk_full`; `interrupted`
 */
export async function requirePlanRoom(
  context: RunContext,
  { steps, state, kept, keeps }: Pick<PreparedPlan, "steps" | "state" | "kept"> & { readonly keeps: boolean },
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
    const free = room.after(taken);
    const copied = await copyOf(database, own, { part, all, past, live });
    if (copied > free) {
      const what = `"${part.beside!.table}" is copied beside its writers`;
      throw noRoom(database, { part, room, needed: copied, free, what, remedy: "" });
    }
    const needed = keeps ? await neededFor(context, own, { part, losses }) : 0;
    // A table that is handed over gives its pages back batch by batch.
    if (!part.beside?.handsOver && needed > free) {
      const remedy = ", or let it go, which takes less: --no-keep";
      throw noRoom(database, { part, room, needed, free, what: "what goes is put aside", remedy });
    }
    if (!tellsWhatGoes(part, dialect)) break;
    taken += needed - await freedBy(database, own, { part, losses, live });
    lost = all;
  }
  notify({ kind: "done" });
}

/** Cuts each step as it would run, on the schema that those before it leave. */
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
      parts.push({ step, texts: texts.slice(done, done += count), beside });
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

/** Returns how many bytes a copy beside writers takes at least: what is in the table now, but for columns that go, or get other values. */
async function copyOf(
  database: Database,
  own: Sizes,
  { part: { beside }, all, past, live }: {
    readonly part: Part;
    readonly all: readonly Loss[];
    readonly past: readonly string[];
    readonly live: Snapshot;
  },
): Promise<number> {
  if (beside?.way !== "shadow") return 0;
  const isIt = (name: string) => isSameName(database.dialect, name, beside.table);
  const losses = all.filter(({ table }) => isIt(table.name));
  if (losses.some(({ kind }) => kind === "table")) return 0;
  const without = indexesGone(live, { texts: past, losses });
  const stored = (await readStored(database, own, [beside.table])).filter(({ name }) =>
    !without.includes(name)
  );
  const columns = losses.flatMap(columnsGone);
  const gone = await readSum(database, columns.length === 0 ? [] : [own.inTable(beside.table, columns)]);
  return stored.reduce((sum, { bytes, unused }) => sum + bytes - unused, -gone);
}

/** Returns the indexes on columns that go, and those that statements name and do not make again. */
function indexesGone(
  { tables }: Snapshot,
  { texts, losses }: { readonly texts: readonly string[]; readonly losses: readonly Loss[] },
): readonly string[] {
  const makes = (text: string, name: string) => /^\s*CREATE\b/i.test(text) && text.includes(name);
  const isDropped = (name: string) =>
    texts.some((text) => text.includes(name)) && !texts.some((text) => makes(text, name));
  return tables.flatMap(({ name: table, indexes }) => {
    const gone = losses.filter((loss) => loss.table.name === table).flatMap(columnsGone);
    return indexes.filter(({ name, columns }) =>
      isDropped(name) || columns.some((each) => gone.includes(each))
    )
      .map(({ name }) => name);
  });
}

/** Whether the text of statements tells all that goes of tables. */
function tellsWhatGoes({ texts }: Part, dialect: Database["dialect"]): boolean {
  return texts.flatMap((text) => effectsOf(text, dialect))
    .every(({ kind }) => kind !== "fewer rows" && kind !== "hidden");
}

/**
 * Returns how many bytes are free at most behind a part: of what goes, with its indexes, and of a table that a copy takes the place
 * of also what nothing was in.
 */
async function freedBy(
  database: Database,
  own: Sizes,
  { part: { texts, beside }, losses, live }: Going & { readonly live: Snapshot },
): Promise<number> {
  if (beside !== null && beside.way !== "shadow") return 0;
  const { dialect } = database;
  const copied = texts.flatMap((text) => effectsOf(text, dialect))
    .flatMap((effect) => effect.kind === "copy" ? [effect.source] : []);
  const anew = beside === null ? copied : [...copied, beside.table];
  const isOneOf = (names: readonly string[], name: string) =>
    names.some((each) => isSameName(dialect, each, name));
  const all = losses.map(({ loss }) => loss);
  const gone = indexesGone(live, { texts, losses: all });
  const whole = all.filter(({ kind }) => kind === "table").map(({ table }) => table.name);
  const tables = live.tables.filter(({ name, indexes }) =>
    isOneOf([...anew, ...all.map(({ table }) => table.name)], name) ||
    indexes.some((index) => gone.includes(index.name))
  );
  const stored = await readStored(database, own, tables.map(({ name }) => name));
  const pages = stored.map(({ name, table, bytes, unused }) => {
    if (isOneOf(whole, table) || isOneOf(gone, name)) return bytes;
    return isOneOf(anew, table) ? unused : 0;
  });
  const values = all.flatMap((loss) =>
    loss.kind === "columns" ? [own.inTable(loss.table.name, columnsGone(loss))] : []
  );
  return pages.reduce((sum, bytes) => sum + bytes, await readSum(database, values));
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
