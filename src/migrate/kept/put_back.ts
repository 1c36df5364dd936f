import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import { type Listener, words } from "./side/words.ts";
import type { Database } from "../../engines/database.ts";
import {
  forgetKept,
  type Kept,
  keptRow,
  placesName,
  readKept,
  readWithdrawal,
  recountKept,
  updateKept,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";
import { createWalker, type PaceOptions, type Stretch } from "../paced/backfill_walk.ts";
import { allRows, tellProgress } from "../paced/walk_table.ts";
import { namelessWords } from "./count_kept.ts";
import { type Return, returnOf } from "./back/return.ts";
import type { Subject, Undoing } from "./back/subject.ts";
import { columnsOf, countOf, countsOf, keyIndexOf } from "./side/contents.ts";
import { oppositeOf } from "./given_values.ts";
import { prune } from "./prune.ts";
import { requireSideTables, withSideTables } from "./side_tables.ts";
import { asThere, placeOf } from "./rules/as_there.ts";

/** What was put back of one table, as reported. */
export interface ReturnedResult {
  readonly id: number;
  readonly kind: Kept["kind"];
  readonly table: string;
  readonly columns: readonly string[];
  /** Rows that were put back. */
  readonly rows: number;
  /** Rows that the application has deleted since: what was kept of them is gone as well. */
  readonly deleted: number;
  /** Rows that the registry has and the side table had not, when the return began or went on. */
  readonly missing: number;
  /** Rows that stay kept: they did not fit. */
  readonly left: number;
  /** Why, for people; `null` when nothing is left. */
  readonly reason: string | null;
}

/**
 * Puts kept data back, in batches that save how far they came: an interrupted return goes on there.
 *
 * A value is put back on a row that still exists and holds there what the script gave it: what was written since is newer,
 * and stays. What does not fit stays kept.
 *
 * @param isMeant Which of it
 */
export async function putBack(
  context: RunContext,
  isMeant: (kept: Kept) => boolean,
  pace: PaceOptions,
): Promise<readonly ReturnedResult[]> {
  const meant = (await readKept(context.database)).filter(isMeant);
  if (meant.length === 0) return [];
  await requireSideTables(context.database, meant);
  const live = await context.database.introspect();
  const found = inOrder(
    meant.map((kept) => placeOf(kept, live, () => sinceKept(kept, context)) ?? { kept, table: null }),
    live,
  );
  const returning = new Set(
    found.flatMap(({ kept, table }) => kept.kind === "table" && table !== null ? [table.name] : []),
  );
  const all = await withSideTables(context.database, await readKept(context.database));
  const works = await Promise.all(found.map(async ({ kept, table }): Promise<Work> => {
    const before = await countOf(context.database, kept);
    if (table === null) return { kept, before, way: null };
    const noted = await columnsOf(context.database, kept.sideTable);
    const undoing = undoingOf(kept, all, { ...context, live });
    await context.database.write(undoing.flatMap(({ noted }) => keyIndexOf(noted)));
    const isLatest = found.every((each) =>
      each.kept.id <= kept.id || each.kept.table !== kept.table || each.kept.kind !== kept.kind ||
      !each.kept.columns.some(({ name }) => kept.columns.some((column) => column.name === name))
    );
    const subject: Subject = {
      kept,
      table,
      live,
      isLatest,
      returning,
      undoing,
      noted,
      rules: await rulesOf(context.database, table.name),
      gives: givesFor(kept, found),
    };
    return { kept, before, way: returnOf(context.database.dialect, subject) };
  }));
  const refusals = await walkAll(context, works, pace);
  const results: ReturnedResult[] = [];
  for (const work of works) {
    results.push(await settle(context, work, { live, refusal: refusals.get(work.kept.id) ?? null }));
  }
  // The script made again all that there was.
  return results.filter(({ rows, deleted, missing, left }) => rows + deleted + missing + left > 0);
}

/** Returns what the step ran that undid the one by which something was kept. */
function sinceKept(
  { revision: id, direction }: Kept,
  { database, history }: Pick<RunContext, "database" | "history">,
): readonly string[] {
  const revision = history.revisions.find((each) => each.id === id);
  return revision === undefined ? [] : oppositeOf({ revision, direction }, database);
}

/** Returns the rules that fire when rows of a table are written. */
async function rulesOf(database: Database, table: string): Promise<readonly Listener[]> {
  const question = words[database.dialect].readRules(table);
  return question === null ? [] : await database.read<Listener>(question);
}

/**
 * Returns what scripts give columns that a table did not have when it was put aside, where both come back at once: behind one
 * script that makes what several made.
 */
function givesFor(kept: Kept, found: readonly Found[]): ReadonlyMap<string, string> {
  const columns = found.filter((each) => each.kept.table === kept.table && each.kept.kind === "columns")
    .flatMap((each) => each.kept.columns);
  return new Map(
    columns.flatMap(({ name, given }) =>
      given === null || kept.columns.some((column) => column.name === name) ? [] : [[name, given]]
    ),
  );
}

/**
 * Returns what the step that undid another noted of the same values when it began, under the names that it gave them, by which their
 * rows are known.
 */
function undoingOf(
  kept: Kept,
  all: readonly Kept[],
  { database, history, live }: Pick<RunContext, "database" | "history"> & { readonly live: Snapshot },
): readonly Undoing[] {
  const since = sinceKept(kept, { database, history });
  return all.filter((each) => isOfTheWayBack(each, kept)).flatMap((noted) => {
    const now = asThere(noted, live, since)?.kept;
    const isOfTheSame = now?.table === kept.table && now.keys.join("\0") === kept.keys.join("\0");
    return now !== undefined && isOfTheSame ? [{ noted, now }] : [];
  });
}

function isOfTheWayBack(other: Kept, kept: Kept): boolean {
  return other.kind === "changed" && kept.kind === "changed" && other.id > kept.id &&
    other.state === "kept" && kept.keys.length > 0 &&
    other.revision === kept.revision && other.direction !== kept.direction;
}

interface Work {
  readonly kept: Kept;
  /** Rows that were kept at first. */
  readonly before: number;
  /** `null` where the table is not there. */
  readonly way: Return | null;
}

/** Goes through all that is kept, and again while rows that refer to others bring more back. */
async function walkAll(
  context: RunContext,
  works: readonly Work[],
  pace: PaceOptions,
): Promise<ReadonlyMap<number, string>> {
  const refusals = new Map<number, string>();
  for (let round = 0;; round++) {
    let isMore = round === 0;
    for (const { kept, way } of works) {
      if (way === null || (round > 0 && !way.isRepeated)) continue;
      const before = await countOf(context.database, kept);
      if (before === 0) continue;
      context.notify({ kind: "doing", text: `putting back what was kept of ${kept.table}` });
      const from = round === 0 ? kept.lastRow : 0;
      await makePlaces(context, { kept, way });
      const refusal = await walkOnce(context, way, { kept, pace, from });
      context.notify({ kind: "done" });
      if (refusal === null) refusals.delete(kept.id);
      else refusals.set(kept.id, refusal);
      isMore ||= await countOf(context.database, kept) < before;
    }
    if (!isMore || !works.some(({ way }) => way?.isRepeated)) return refusals;
  }
}

/** Finds out where the rows are of a table that has no key, as they are at this moment. */
async function makePlaces(
  { database }: Pick<RunContext, "database">,
  { kept, way }: { readonly kept: Kept; readonly way: Return },
): Promise<void> {
  if (way.opening.length === 0) return;
  const withdraw = await readWithdrawal(database);
  await database.write([...way.opening, ...withdraw(placesName(kept))]);
}

/** What is newer comes first, so that it is not taken for a change; of whole tables, those that others refer to. */
function inOrder(meant: readonly Found[], { tables }: Snapshot): readonly Found[] {
  const depths = new Map<string, number>();
  const depthOf = (name: string, seen: readonly string[]): number => {
    const known = depths.get(name);
    if (known !== undefined || seen.includes(name)) return known ?? 0;
    const keys = tables.find((table) => table.name === name)?.foreignKeys ?? [];
    const depth = 1 + Math.max(-1, ...keys.map(({ table }) => depthOf(table, [...seen, name])));
    depths.set(name, depth);
    return depth;
  };
  const rank = ({ kind, table }: Kept) => kind === "table" ? depthOf(table, []) : Infinity;
  return meant.toSorted(({ kept: a }, { kept: b }) => rank(a) === rank(b) ? b.id - a.id : rank(a) - rank(b));
}

interface Found {
  readonly kept: Kept;
  readonly table: Table | null;
}

/** Forgets what is back, and says why the rest is not. */
async function settle(
  context: RunContext,
  { kept, before, way }: Work,
  { live, refusal }: { readonly live: Snapshot; readonly refusal: string | null },
): Promise<ReturnedResult> {
  const { database } = context;
  if (way !== null) await database.write(way.closing);
  const deleted = await prune(context, kept, live);
  const left = await countOf(database, kept);
  const columns = kept.columns.map(({ name }) => name);
  const reason = left === 0 ? null : await reasonOf(context, { kept, way, left, refusal, live });
  const { ending = [] } = way ?? {};
  if (ending.length > 0) await database.write(ending);
  if (left === 0) await forgetKept(database, [kept]);
  else {
    await database.write([
      updateKept({ ...kept, state: "left", lastRow: 0 }),
      recountKept(kept, countsOf(database.dialect, kept)),
    ]);
  }
  const { id, kind, table } = kept;
  const missing = Math.max(0, kept.rows - before);
  return { id, kind, table, columns, deleted, missing, left, rows: before - deleted - left, reason };
}

async function walkOnce(
  context: RunContext,
  way: Return,
  { kept, pace: options, from }: { readonly kept: Kept; readonly pace: PaceOptions; readonly from: number },
): Promise<string | null> {
  const { database } = context;
  const rows = allRows(kept.sideTable, keptRow);
  const pace = await database.pace(kept.table);
  const walker = createWalker(context, rows, { pace, options });
  let at = from;
  let refusal: string | null = null;
  const save = (last: number) => updateKept({ ...kept, state: "returning", lastRow: last });
  const { onBatch, onProgress } = tellProgress(context.notify, kept.table, kept.rows);
  for (;;) {
    const stretch: Stretch = {
      // Below 1 is what something newer has overtaken.
      from: { key: String(at), isAhead: false },
      end: null,
      change: ({ from, end }) => way.change(Number(from.key ?? 0), Number(end)),
      save: ({ last }) => [save(Number(last))],
      onBatch: (window, done) => {
        at = Number(window.last);
        onBatch(window, done);
      },
      onProgress,
    };
    try {
      await walker.walk(stretch);
      return refusal;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal = error.message;
    }
    // Some row of the batch does not fit: one by one, so that the others come back.
    const next = await database.read<{ readonly row: number | bigint | string }>(
      sql`SELECT ${sql.identifier(keptRow)} AS "row" FROM ${ownTable(kept.sideTable)} WHERE ${
        sql.identifier(keptRow)
      } > ${at} ORDER BY ${sql.identifier(keptRow)} LIMIT ${oneByOne}`,
    );
    for (const { row } of next) {
      const number = Number(row);
      try {
        await database.write([...way.change(number - 1, number), save(number)]);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refusal = error.message;
        await database.write([save(number)]);
      }
      at = number;
    }
  }
}

/** How many rows are tried one by one before batches are tried again. */
const oneByOne = 100;

function isRefusal(error: unknown): error is HarborError {
  return error instanceof HarborError && ["statement_failed", "dangling_reference"].includes(error.code);
}

interface Remainder {
  readonly kept: Kept;
  readonly way: Return | null;
  readonly left: number;
  readonly refusal: string | null;
  readonly live: Snapshot;
}

async function reasonOf(
  { database }: RunContext,
  { kept, way, left, refusal, live }: Remainder,
): Promise<string> {
  if (way === null) return `there is no table ${kept.table}`;
  await makePlaces({ database }, { kept, way });
  type Why = "newer" | "homeless" | "dangling" | "nameless";
  const [found] = await database.read<Record<Why, number | bigint | string>>(way.remainder);
  const [newer, homeless, dangling, nameless] = [
    found!.newer,
    found!.homeless,
    found!.dangling,
    found!.nameless,
  ].map(Number) as [number, number, number, number];
  const others = left - newer - homeless - dangling - nameless;
  const key = kept.keys.join(" and ");
  const hasHeirs = live.tables.some(({ name, heirs }) => name === kept.table && heirs !== undefined);
  const unknown = kept.keys.length === 0 || hasHeirs
    ? counted(others, "row is not to be told from others", "rows are not to be told from others")
    : `${counted(others, "row finds", "rows find")} no row with the same ${key}`;
  // Of what became of a value nobody knows for certain whether somebody wrote it, or a script made it.
  const other = kept.kind === "changed" ? `else than the ${kept.direction} made of it` : "newer";
  const reasons = [
    newer > 0 ? `${counted(newer, "row holds", "rows hold")} something ${other}` : null,
    homeless > 0 ? `${counted(homeless, "row has", "rows have")} values of columns that are not there` : null,
    dangling > 0 ? `${counted(dangling, "row refers", "rows refer")} to rows that are not there` : null,
    nameless > 0 ? namelessWords(nameless, kept.keys) : null,
    others > 0 && refusal === null ? unknown : null,
    others > 0 && refusal !== null ? `the database refused some: ${refusal}` : null,
  ];
  return reasons.filter((each) => each !== null).join("; ");
}
