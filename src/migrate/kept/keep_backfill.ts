import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import type { Database } from "../../engines/database.ts";
import { type BackfillState, readBackfills } from "../../engines/version_table.ts";
import {
  becameColumn,
  type Kept,
  keptRow,
  readKept,
  recountKept,
  retryKept,
  sideTableOf,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
import type { Backfill } from "../../history/scripts/statement.ts";
import type { Column, Table } from "../../schema/snapshot.ts";
import {
  type KeyRange,
  matching,
  readEdgeKey,
  updateWithin,
  wanted,
  within,
} from "../paced/backfill_window.ts";
import { allRows } from "../paced/walk_table.ts";
import type { Step } from "../rules/plan.ts";
import { hasStayed, isRewritten } from "./changed_values.ts";
import { findLosses, type Part, schemasAround } from "./keep.ts";
import type { Loss } from "./rules/losses.ts";
import { storedColumns } from "./rules/keys.ts";
import { readKeys } from "./read_keys.ts";
import { requireRoom } from "./room.ts";
import { countOf, countsOf } from "./side/contents.ts";
import { makeSide, nextId } from "./side_tables.ts";
import { all, any, hasNoNull, list, words } from "./side/words.ts";

const id = sql.identifier;

/** What puts aside what a backfill changes, batch by batch. */
export interface BackfillKeeping {
  readonly id: number;
  /**
   * Returns the change of a range within what puts aside what it changes, all for one transaction.
   *
   * @param again The condition with which rows are changed that may have been already: what they have now takes the place of
   * what they had then
   */
  readonly batch: (range: KeyRange, again?: Backfill) => Promise<KeepingBatch>;
  /** Goes into the closing batch. */
  readonly closing: readonly SQL[];
}

interface KeepingBatch {
  readonly before: readonly SQL[];
  readonly change: SQL;
  readonly after: readonly SQL[];
}

/**
 * Makes ready for keeping what a backfill changes of values that were there, or were NULL; `null` when it changes nothing of
 * the kind. An interrupted one goes on with the side table that it has.
 */
export async function keepBackfill(
  context: RunContext,
  step: Step,
  { backfill, place, ...part }: Part & { readonly backfill: Backfill; readonly place: number },
): Promise<BackfillKeeping | null> {
  const { database } = context;
  const [loss] = (await findLosses(context, part)).filter((each) => each.kind === "changed");
  if (loss === undefined) return null;
  const { table } = loss;
  const changed = loss.columns.map(({ name }) => name);
  const keys = await readKeys(database, { table, without: changed, schemas: schemasAround(context, step) });
  if (keys.length === 0) return null;
  await requireRoom(context, [{
    table: table.name,
    columns: [...keys, ...changed, ...changed],
    where: rowsOf(backfill, keys),
  }]);
  const kept = await sideOf(context, step, { loss, keys, place });
  const batch = batchesOf(database.dialect, { kept, table, isRewritten: isRewritten(context, step, loss) });
  const rows = allRows(kept.sideTable, keptRow);
  return {
    id: kept.id,
    async batch(range, again) {
      const last = await readEdgeKey(database, rows, "highest");
      return batch(again ?? backfill, { range, isAgain: again !== undefined, last: Number(last ?? 0) });
    },
    closing: [recountKept(kept, countsOf(database.dialect, kept))],
  };
}

/**
 * Returns what makes the batches of a backfill.
 *
 * What its condition and its expressions say may be another thing each time (`random()`, a function that reads other rows),
 * and others may write between two statements. So the rows are found once, and held: those in the side table are changed, and
 * what became of them is read from them.
 */
function batchesOf(
  dialect: Dialect,
  { kept, table, isRewritten }: {
    readonly kept: Kept;
    readonly table: Table;
    readonly isRewritten: boolean;
  },
) {
  const own = words[dialect];
  const isLost = ({ name }: Column) => kept.columns.some((column) => column.name === name);
  const known = storedColumns(table).filter(({ name }) => kept.keys.includes(name));
  const inside = [...known, ...storedColumns(table).filter(isLost)];
  const source = ownTable(table.name);
  const side = ownTable(kept.sideTable);
  const row = id(keptRow);
  const isOwn = (other: string) =>
    all(
      known.map((column) =>
        own.isKey(sql`${sql.raw(other)}.${id(column.name)}`, sql`k.${id(column.name)}`, column)
      ),
    );
  // Only SQLite has keys with NULL in them, and lets nobody write in between.
  const nullable = known.filter(({ notNull }) => !notNull).map(({ name }) => sql`${id(name)} IS NULL`);
  return (
    backfill: Backfill,
    { range, isAgain, last }: {
      readonly range: KeyRange;
      readonly isAgain: boolean;
      /** The number of the last row that is in the side table. */
      readonly last: number;
    },
  ): KeepingBatch => {
    const isNew = sql`k.${row} > ${sql.raw(String(last))} AND k.${row} <= ${sql.raw(highestRow)}`;
    const names = list(known.map((column) => own.aside(sql`${id(column.name)}`, column)));
    const isTaken = sql`(${names}) IN (SELECT ${
      list(known.map(({ name }) => sql`k.${id(name)}`))
    } FROM ${side} AS k WHERE ${isNew})`;
    const rows = nullable.length === 0
      ? isTaken
      : sql`(${isTaken} OR (${any(nullable)} AND ${wanted(backfill)}))`;
    const became = kept.columns.map(({ name }, place) =>
      sql`${id(becameColumn(place))} = ${own.became(sql`t.${id(name)}`, null)}`
    );
    return {
      before: [
        userStatement(
          sql`INSERT INTO ${side} (${list(inside.map(({ name }) => id(name)))}) SELECT ${
            list(inside.map((column) => own.aside(sql`${id(column.name)}`, column)))
          } FROM ${source} WHERE ${matching(backfill, range)}${own.hold}`,
        ),
        ...isAgain
          ? [
            sql`DELETE FROM ${side} WHERE ${row} IN (SELECT k.${row} FROM ${side} AS n JOIN ${side} AS k ON ${
              isOwn("n")
            } WHERE n.${row} > ${sql.raw(String(last))} AND k.${row} <= ${sql.raw(String(last))})`,
          ]
          : [],
      ],
      change: updateWithin(backfill, range, rows),
      after: [
        sql`UPDATE ${side} AS k SET ${list(became)} FROM ${source} AS t WHERE ${isNew} AND ${
          within(backfill, range, "t")
        } AND ${all([isOwn("t"), ...hasNoNull(known, "k")])}`,
        ...isRewritten ? [] : [sql`DELETE FROM ${side} AS k WHERE ${isNew} AND ${hasStayed(own, kept)}`],
      ],
    };
  };
}

/** Bounds the numbers of rows on this side, too: PostgreSQL then knows that it is asked for few of them. */
const highestRow = "9000000000000000000";

/** The condition is the script's, which may name the table: it stands where nothing is called otherwise. */
function rowsOf({ table, condition }: Backfill, keys: readonly string[]): SQL | null {
  if (condition === null) return null;
  const names = keys.map((name) => sql`${sql.identifier(name)}`);
  const own = keys.map((name) => sql`t.${sql.identifier(name)}`);
  // The line break ends a comment that the condition may end with.
  return sql`(${list(own)}) IN (SELECT ${list(names)} FROM ${ownTable(table)} WHERE (${
    sql.raw(condition)
  }\n))`;
}

interface Aside {
  readonly loss: Loss & { readonly kind: "changed" };
  readonly keys: readonly string[];
  /** The statement's in the script. */
  readonly place: number;
}

/**
 * Finds the side table that an interrupted run of the backfill made; makes one otherwise. What an earlier backfill put aside,
 * or an earlier run left, stands in another: the rows of one come back in the order of their numbers, each once.
 */
async function sideOf(context: RunContext, step: Step, { loss, keys, place }: Aside): Promise<Kept> {
  const { database } = context;
  const { revision: { id: revision }, direction } = step;
  const { table } = loss;
  const columns = storedColumns(table).filter(({ name }) => loss.columns.some((each) => each.name === name));
  const isSame = (kept: Kept) =>
    kept.revision === revision && kept.direction === direction && kept.kind === "changed" &&
    kept.table === table.name && kept.state === "kept" &&
    kept.columns.map(({ name }) => name).join("\0") === columns.map(({ name }) => name).join("\0");
  const found = (await readKept(database)).findLast(isSame);
  const isOwn = found !== undefined &&
    (await isUnderWay(database, { revision, statement: place }) || await countOf(database, found) === 0);
  if (isOwn) return found;
  const id = await nextId(database);
  const kept: Kept = {
    id,
    revision,
    direction,
    kind: "changed",
    table: table.name,
    sideTable: sideTableOf(id),
    keys,
    columns: columns.map(({ name, type }) => ({ name, type, given: null })),
    state: "kept",
    lastRow: 0,
    rows: 0,
    bytes: 0,
    madeAt: context.now().toISOString(),
  };
  const isLost = ({ name }: Column) => columns.some((column) => column.name === name);
  const known = storedColumns(table).filter((column) => keys.includes(column.name) && !isLost(column));
  const side = await makeSide(database, kept, {
    source: table,
    columns: [...known, ...columns],
    became: columns.map(() => null),
  });
  await database.write([...side, retryKept(kept)]);
  return kept;
}

/** Whether batches of a backfill have committed, and it is not done. */
async function isUnderWay(
  database: Database,
  { revision, statement }: Pick<BackfillState, "revision" | "statement">,
): Promise<boolean> {
  return (await readBackfills(database)).some((state) =>
    state.revision === revision && state.statement === statement && state.finishedAt === null
  );
}
