import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import {
  forgetKept,
  type Kept,
  keptRow,
  readKept,
  recountKept,
  updateKept,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Applied, Direction } from "../../history/applied.ts";
import type { Backfill } from "../../history/statement.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { createWalker, type PaceOptions, type Stretch } from "../paced/backfill_walk.ts";
import { countOf, type Return, returnOf, type Subject } from "./return.ts";
import { prune } from "./prune.ts";

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
  /** Rows that stay kept: they did not fit. */
  readonly left: number;
  /** Why, for people; `null` when nothing is left. */
  readonly reason: string | null;
}

/** Says whether a step's kept data is due: the step was undone, and nobody has tried yet to put it back to the end. */
export function isDue({ state, direction, revision }: Kept, applied: readonly Applied[]): boolean {
  const row = applied.find((each) => each.revision === revision);
  const isApplied = row !== undefined && row.finishedAt !== null;
  return state !== "left" && (direction === "downgrade" ? isApplied : row === undefined);
}

/** Returns what a step that is complete lets come back. */
export function isUndoneBy({ revision, direction }: Kept, step: Undoing): boolean {
  return revision === step.revision && direction !== step.direction;
}

interface Undoing {
  readonly revision: string;
  readonly direction: Direction;
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
  const live = await context.database.introspect();
  const results: ReturnedResult[] = [];
  for (const kept of inOrder(meant, live)) {
    const table = live.tables.find(({ name }) => name === kept.table);
    if (table === undefined) continue;
    context.notify({ kind: "doing", text: `putting back what was kept of ${kept.table}` });
    const isLatest = meant.every(({ id, table, kind }) =>
      id <= kept.id || table !== kept.table || kind !== kept.kind
    );
    results.push(await putBackOne(context, { kept, table, live, isLatest, pace }));
    context.notify({ kind: "done" });
  }
  return results;
}

/** What is newer comes first, so that it is not taken for a change; of whole tables, those that others refer to. */
function inOrder(meant: readonly Kept[], { tables }: Snapshot): readonly Kept[] {
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
  return meant.toSorted((a, b) => rank(a) === rank(b) ? b.id - a.id : rank(a) - rank(b));
}

interface Work extends Subject {
  readonly pace: PaceOptions;
}

async function putBackOne(context: RunContext, work: Work): Promise<ReturnedResult> {
  const { database } = context;
  const { kept } = work;
  const before = await countOf(database, kept);
  const way = returnOf(database.dialect, work);
  const refusal = await walkBack(context, way, work);
  await database.write(way.closing);
  const deleted = await prune(context, kept, work.live);
  const left = await countOf(database, kept);
  const columns = kept.columns.map(({ name }) => name);
  const done = { id: kept.id, kind: kept.kind, table: kept.table, columns, deleted, left };
  if (left === 0) await forgetKept(database, [kept]);
  else {
    await database.write([
      updateKept({ ...kept, state: "left", lastRow: 0 }),
      recountKept(kept, way.count),
    ]);
  }
  const reason = left === 0 ? null : await reasonOf(context, { way, left, refusal });
  return { ...done, rows: before - deleted - left, reason };
}

/** Goes through all that is kept, and for rows that refer to each other again while that brings more back. */
async function walkBack(context: RunContext, way: Return, work: Work): Promise<string | null> {
  const { database } = context;
  let at = work.kept.lastRow;
  for (let refusal: string | null = null, before = Infinity;;) {
    refusal = await walkOnce(context, way, { ...work, from: at }) ?? refusal;
    const left = await countOf(database, work.kept);
    if (!way.isRepeated || left === 0 || left >= before) return refusal;
    [before, at] = [left, 0];
  }
}

async function walkOnce(
  context: RunContext,
  way: Return,
  { kept, pace: options, from }: Work & { readonly from: number },
): Promise<string | null> {
  const { database } = context;
  const rows: Backfill = {
    kind: "backfill",
    table: kept.sideTable,
    key: keptRow,
    update: "",
    condition: null,
  };
  const pace = await database.pace(kept.table);
  const walker = createWalker(context, rows, { pace, options });
  let at = from;
  let refusal: string | null = null;
  const save = (last: number) => updateKept({ ...kept, state: "returning", lastRow: last });
  const startedAt = performance.now();
  let passed = 0;
  let longestBatchMs = 0;
  for (;;) {
    const stretch: Stretch = {
      from: { key: at === 0 ? null : String(at), isAhead: false },
      end: null,
      change: ({ from, end }) => way.change(Number(from.key ?? 0), Number(end)),
      save: ({ last }) => [save(Number(last))],
      onBatch: ({ last }, { heldMs }) => {
        at = Number(last);
        longestBatchMs = Math.max(longestBatchMs, Math.round(heldMs));
      },
      onProgress: ({ walked, size }) => {
        passed += walked;
        const share = kept.rows === 0 ? null : Math.min(1, passed / kept.rows);
        const elapsedMs = performance.now() - startedAt;
        context.notify({
          kind: "backfill",
          table: kept.table,
          passed,
          share,
          batchRows: size,
          longestBatchMs,
          elapsedMs,
        });
      },
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
  readonly way: Return;
  readonly left: number;
  readonly refusal: string | null;
}

async function reasonOf({ database }: RunContext, { way, left, refusal }: Remainder): Promise<string> {
  const [found] = await database.read<{ readonly newer: number | bigint | string }>(way.newer);
  const newer = Number(found?.newer ?? 0);
  const others = left - newer;
  const reasons = [
    newer > 0 ? `${counted(newer, "row")} hold something newer` : null,
    others > 0 && refusal !== null ? `the database refused some: ${refusal}` : null,
    others > 0 && refusal === null
      ? `${counted(others, "row")} refer to rows that are gone, or are not to be told from others`
      : null,
  ];
  return reasons.filter((each) => each !== null).join("; ");
}
