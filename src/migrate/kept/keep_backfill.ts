import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { type BackfillState, readBackfills } from "../../engines/version_table.ts";
import {
  becameColumn,
  createKeptTable,
  insertKept,
  type Kept,
  keptName,
  keptRow,
  readKept,
  readWithdrawal,
  recountKept,
  retryKept,
  sideTableOf,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
import type { Backfill } from "../../history/statement.ts";
import type { Table } from "../../schema/snapshot.ts";
import { commaParts, cursorAt, tokensOf } from "../../sql/cursor.ts";
import { nameOf } from "../../sql/lexer.ts";
import { type KeyRange, matching } from "../paced/backfill_window.ts";
import type { Step } from "../rules/plan.ts";
import { findLosses, type Part, schemasAround } from "./keep.ts";
import type { Loss } from "./rules/losses.ts";
import { keysOf, storedColumns } from "./rules/keys.ts";
import { requireRoom } from "./room.ts";
import { countOf } from "./return.ts";
import { nextId } from "./side_tables.ts";
import { all, list, words } from "./words.ts";

/** What puts aside what a backfill changes, batch by batch. */
export interface BackfillKeeping {
  readonly id: number;
  /** Returns what goes before the change of a range, in its transaction. */
  readonly before: (range: KeyRange) => readonly SQL[];
  /** {@link before} for rows that may have been changed already: what they have now takes the place of what they had then. */
  readonly again: (range: KeyRange, backfill: Backfill) => readonly SQL[];
  /** Goes into the closing batch. */
  readonly closing: readonly SQL[];
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
  const values = assignedBy(backfill, context);
  if (loss === undefined || values.size === 0) return null;
  const { table } = loss;
  const changed = loss.columns.map(({ name }) => name);
  const keys = keysOf({ table, without: changed, schemas: schemasAround(context, step) });
  if (keys.length === 0) return null;
  await requireRoom(database, [{
    table: table.name,
    columns: [...keys, ...changed, ...changed],
    where: rowsOf(backfill, keys),
  }]);
  const kept = await sideOf(context, step, { loss, keys, place });
  const own = words[database.dialect];
  const lost = storedColumns(table).filter(({ name }) => changed.includes(name));
  const known = storedColumns(table).filter(({ name }) => keys.includes(name));
  const side = ownTable(kept.sideTable);
  const names = [...known, ...lost].map(({ name }) => sql`${sql.identifier(name)}`);
  const taken = [...known, ...lost].map((column) => own.aside(sql`${sql.identifier(column.name)}`, column));
  const results = lost.map((_, place) => sql`${sql.identifier(becameColumn(place))}`);
  const made = lost.map((column) => own.became(sql`(${sql.raw(values.get(column.name) ?? "NULL")})`, column));
  const source = ownTable(table.name);
  const put = (range: KeyRange, wanted: Backfill) =>
    userStatement(
      sql`INSERT INTO ${side} (${list([...names, ...results])}) SELECT ${
        list([...taken, ...made])
      } FROM ${source} WHERE ${matching(wanted, range)}`,
    );
  const keyNames = list(known.map(({ name }) => sql`${sql.identifier(name)}`));
  const isOwn = all(
    known.map((column) =>
      own.isKey(sql`n.${sql.identifier(column.name)}`, sql`k.${sql.identifier(column.name)}`, column)
    ),
  );
  const drop = (range: KeyRange, wanted: Backfill) =>
    userStatement(
      sql`DELETE FROM ${side} WHERE ${sql.identifier(keptRow)} IN (SELECT k.${
        sql.identifier(keptRow)
      } FROM (SELECT ${keyNames} FROM ${source} WHERE ${
        matching(wanted, range)
      }) AS n JOIN ${side} AS k ON ${isOwn})`,
    );
  return {
    id: kept.id,
    before: (range) => [put(range, backfill)],
    again: (range, wanted) => [drop(range, wanted), put(range, wanted)],
    closing: [recountKept(kept, {
      rows: sql`(SELECT count(*) FROM ${side})`,
      bytes: own.bytes(kept.sideTable, [...keys, ...changed]),
    })],
  };
}

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

/** Returns the expression that each column gets. */
function assignedBy(
  { update, deletes }: Backfill,
  { database: { dialect } }: RunContext,
): ReadonlyMap<string, string> {
  const at = cursorAt(tokensOf(update, dialect));
  if (deletes || at.seek("SET") === null) return new Map();
  return new Map(
    commaParts(at.rest()).flatMap(([name, equals, first, ...rest]) => {
      const column = nameOf(name);
      if (column === null || equals?.text !== "=" || first === undefined) return [];
      const last = rest.at(-1) ?? first;
      return [[column, update.slice(first.start, last.start + last.text.length)] as const];
    }),
  );
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
  await database.write(await makeSide(context, kept, table));
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

async function makeSide({ database }: RunContext, kept: Kept, table: Table): Promise<readonly SQL[]> {
  const own = words[database.dialect];
  const withdraw = await readWithdrawal(database);
  const isKept = (name: string) => kept.columns.some((column) => column.name === name);
  const known = storedColumns(table).filter(({ name }) => kept.keys.includes(name) && !isKept(name));
  return [
    createKeptTable,
    ...withdraw(keptName),
    retryKept(kept),
    ...own.makeSideTable({
      name: kept.sideTable,
      source: table,
      columns: [...known, ...storedColumns(table).filter(({ name }) => isKept(name))],
      became: kept.columns.length,
      where: sql`FALSE`,
      order: [],
    }),
    ...own.numberRows(kept.sideTable),
    ...withdraw(kept.sideTable),
    insertKept(kept, { rows: sql`0`, bytes: sql`0` }),
  ];
}
