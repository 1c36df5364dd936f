import { sql } from "drizzle-orm";
import { HarborError } from "../../../base/errors.ts";
import { type Kept, keptRow, placesName, readWithdrawal, updateKept } from "../../../engines/kept_table.ts";
import type { RunContext } from "../../../engines/run_context.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import { createWalker, type PaceOptions, type Stretch } from "../../paced/backfill_walk.ts";
import { allRows, tellProgress } from "../../paced/walk_table.ts";
import { countOf } from "../side/contents.ts";
import type { Return } from "./return.ts";

/** Kept data that comes back. */
export interface Work {
  readonly kept: Kept;
  /** Rows that were kept at first. */
  readonly before: number;
  /** `null` where the table is not there. */
  readonly way: Return | null;
}

/**
 * Goes through all that is kept, and again while rows that refer to others bring more back.
 *
 * @returns What the database said last of rows that it refused, by the number of what was kept
 */
export async function walkAll(
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
export async function makePlaces(
  { database }: Pick<RunContext, "database">,
  { kept, way }: { readonly kept: Kept; readonly way: Return },
): Promise<void> {
  if (way.opening.length === 0) return;
  const withdraw = await readWithdrawal(database);
  await database.write([...way.opening, ...withdraw(placesName(kept))]);
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
