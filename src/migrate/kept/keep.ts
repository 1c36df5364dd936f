import { type SQL, sql } from "drizzle-orm";
import type { HandedResult, HandOver } from "../../engines/beside.ts";
import { readBeside } from "../../engines/beside_progress.ts";
import {
  becameColumn,
  createKeptTable,
  insertKept,
  keepingName,
  type Kept,
  type KeptColumn,
  keptName,
  readWithdrawal,
  recountKept,
  retryKept,
  sideTableOf,
  wasColumn,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import type { Column, Snapshot } from "../../schema/snapshot.ts";
import type { Step } from "../rules/plan.ts";
import { type Ahead, idUnderWay, isAhead } from "./ahead.ts";
import { changedRows, isRewritten, noteResults } from "./changed_values.ts";
import { closeAhead } from "./copy_ahead.ts";
import { readGiven, ungivenRows } from "./given_values.ts";
import { guardsOf } from "./guard.ts";
import { requireRoom } from "./room.ts";
import { nextId } from "./side_tables.ts";
import { lockOrder } from "./rules/lock_order.ts";
import { readKeys } from "./read_keys.ts";
import { storedColumns } from "./rules/keys.ts";
import { type Loss, lossesOf, tablesOfLosses, withoutMade } from "./rules/losses.ts";
import { words } from "./side/words.ts";

/** What puts aside what a batch would destroy, in the batch's own transaction or behind it. */
export interface Keeping {
  /** Go before the batch's statements. */
  readonly before: readonly SQL[];
  /** Go behind them. */
  readonly after: readonly SQL[];
  readonly kept: readonly Planned[];
  /** What a change that hands the table over commits with it, so that `takeAside` has the rest; `null` where that is not enough. */
  readonly later: { readonly table: string; readonly handOver: HandOver } | null;
  /** What is put aside before the batch, which takes the rest. */
  readonly ahead: readonly Ahead[];
  /** Set where there is nothing to keep: what to do when there is something by the time of the batch, which fails then. */
  readonly otherwise?: () => Promise<Keeping | null>;
}

/** Statements of a script that run together. */
export interface Part {
  readonly statements: readonly string[];
  /** Those of the script that come before them. */
  readonly earlier: readonly string[];
}

type Planned = Omit<Kept, "rows" | "bytes">;

/** Returns what would be lost by statements of a step, in the names of {@link plainTexts}, on the database as it is; reads nothing where that is clear from their text. */
export async function findLosses(
  { database }: Pick<RunContext, "database">,
  { statements, earlier }: Part,
): Promise<readonly Loss[]> {
  const { dialect } = database;
  const names = tablesOfLosses(statements, dialect);
  if (names?.length === 0) return [];
  return withoutMade(lossesOf(await database.introspect(names ?? undefined), statements), earlier, dialect);
}

/**
 * Plans how to put aside what statements of a step would destroy; `null` when they destroy nothing. Reads only.
 *
 * What is kept is read in the transaction that destroys it, on PostgreSQL after the table is locked: it is what is destroyed.
 */
export async function planKeeping(
  context: RunContext,
  step: Step,
  part: Part & {
    /** Whether a side table is made although nothing goes into it. */
    readonly isMade: boolean;
    /** See `BesideChange.handsOver`; `null` where nothing is handed over. */
    readonly handed: ReadonlyMap<string, string> | null;
  },
): Promise<Keeping | null> {
  const { database } = context;
  const losses = await findLosses(context, part);
  if (losses.length === 0) return null;
  const schemas = schemasAround(context, step);
  const planFrom = async (first: number) => {
    const planned = await Promise.all(
      losses.map((loss, place) =>
        planLoss(context, { step, loss, schemas, id: first + place, handed: part.handed })
      ),
    );
    // An upsert on a table of nothing but its key changes no value.
    return planned.filter(({ kept }) => kept.kind === "table" || kept.columns.length > 0);
  };
  if (!part.isMade) {
    const guards = await guardsOf(database, (await planFrom(1)).map(({ values }) => values));
    const otherwise = () => planKeeping(context, step, { ...part, isMade: true });
    if (guards !== null) return { before: guards, after: [], kept: [], ahead: [], later: null, otherwise };
  }
  const parts = await planFrom(await nextId(database));
  if (parts.length === 0) return null;
  const ahead = await takeAhead(database, parts.map((part) => part.ahead));
  const withdraw = await readWithdrawal(database);
  const { revision, direction } = step;
  const opening = [
    createKeptTable(),
    ...withdraw(keptName),
    retryKept({ revision: revision.id, direction }),
  ];
  const inBatch = parts.filter(({ kept }) => !ahead.some((each) => each.of === kept.id));
  const later = laterOf(parts, { opening, withdraw });
  // A table that is handed over gives its pages back batch by batch.
  if (part.handed === null || later === null) await requireRoom(context, parts.map(({ values }) => values));
  return {
    before: [
      ...await locksFor(database, part.statements, parts.map(({ kept }) => kept.table)),
      ...opening,
      ...ahead.flatMap(({ before }) => before),
      ...inBatch.flatMap(({ kept, before }) => [...before, ...withdraw(kept.sideTable)]),
    ],
    after: inBatch.flatMap((part) => part.after),
    kept: [...ahead.map(({ ahead }) => ahead.kept), ...inBatch.map(({ kept }) => kept)],
    ahead: ahead.map(({ ahead }) => ahead),
    later,
  };
}

type LossPlan = Awaited<ReturnType<typeof planLoss>>;

/** What one change of one table hands over is put aside later; what several lose, in their transaction. */
function laterOf(
  parts: readonly LossPlan[],
  { opening, withdraw }: {
    readonly opening: readonly SQL[];
    readonly withdraw: (table: string) => readonly SQL[];
  },
): Keeping["later"] {
  const { id, table } = parts[0]!.kept;
  if (!parts.every(({ kept, mayWait }) => kept.table === table && mayWait)) return null;
  const made = parts.flatMap(({ kept, empty }) => [...empty, ...withdraw(kept.sideTable)]);
  const results = parts.flatMap((part) => part.results);
  return { table, handOver: { name: keepingName(id), statements: [...opening, ...made], results } };
}

/** Locks what the batch locks all at once, where it does, so that nobody who has one of the tables waits for another meanwhile. */
async function locksFor(
  database: RunContext["database"],
  statements: readonly string[],
  locked: readonly string[],
): Promise<readonly SQL[]> {
  const { dialect } = database;
  const { lock } = words[dialect];
  if (locked.every((table) => lock(table).length === 0)) return [];
  const { tables } = await database.introspect();
  return lockOrder(tables, { statements, locked, dialect }).flatMap(lock);
}

/**
 * Finds what is worth putting aside before the batch, and what an interrupted run began of it.
 *
 * @returns Each with the number that was meant for it
 */
async function takeAhead(database: RunContext["database"], all: readonly Ahead[]) {
  const known = await readBeside(database);
  const found: { readonly of: number; readonly ahead: Ahead }[] = [];
  for (const each of all) {
    if (!await isAhead(database, each)) continue;
    const { id: of } = each.kept;
    const id = idUnderWay(known, each) ?? of;
    found.push({ of, ahead: { ...each, kept: { ...each.kept, id, sideTable: sideTableOf(id) } } });
  }
  const ids = found.map(({ ahead }) => ahead.kept.id);
  const others = known.filter(({ id }) => !ids.includes(id));
  return found.map((each, place) => ({
    ...each,
    before: closeAhead(database, each.ahead, [
      ...others,
      ...found.slice(place).map(({ ahead }) => ahead.kept),
    ]),
  }));
}

/** Returns all schemas that the history knows, and the one of a step of which it may not know. */
export function schemasAround(
  { history }: Pick<RunContext, "history">,
  { revision }: Step,
): readonly Snapshot[] {
  return [...history.revisions, revision].flatMap((each) => snapshotIfThere(each) ?? []);
}

/** What is lost of one table by a step. */
export interface LossPart {
  readonly step: Step;
  readonly loss: Loss;
  readonly schemas: readonly Snapshot[];
  readonly id: number;
  readonly handed: ReadonlyMap<string, string> | null;
}

/** Plans how to put aside what is lost of one table. Reads only. */
export async function planLoss(context: RunContext, { step, loss, schemas, id, handed }: LossPart) {
  const { dialect } = context.database;
  const own = words[dialect];
  const { table } = loss;
  const sideTable = sideTableOf(id);
  const stored = storedColumns(table);
  const without = loss.kind === "columns"
    ? loss.columns
    : loss.kind === "changed"
    ? loss.columns.map(({ name }) => name)
    : [];
  // Of an upsert whose text does not say what it changes; it finds its rows by a key, which stays.
  const isAll = loss.kind === "changed" && stored.every(({ name }) => without.includes(name));
  // Afterwards a row is looked for by what is still there.
  const gone = loss.kind === "changed" ? stored.filter(({ name }) => !loss.names.has(name)) : [];
  const keys = await readKeys(context.database, {
    table,
    without: [...isAll ? [] : without, ...gone.map(({ name }) => name)],
    schemas,
  });
  const lost = stored.filter(({ name }) =>
    loss.kind === "table" || (without.includes(name) && !(isAll && keys.includes(name)))
  );
  const isMadeAgain = loss.kind === "changed" && isRewritten(context, step, loss);
  const columns = await Promise.all(lost.map(async (column): Promise<KeptColumn> => ({
    name: column.name,
    type: column.type,
    // A counter gives each row something else.
    given: loss.kind === "columns" && !column.identity
      ? await readGiven(context, step, { table, column })
      : null,
    ...isMadeAgain ? { keepsAll: true } : {},
  })));
  const kept: Planned = {
    id,
    revision: step.revision.id,
    direction: step.direction,
    kind: loss.kind,
    table: table.name,
    sideTable,
    keys,
    columns,
    state: "kept",
    lastRow: 0,
    madeAt: context.now().toISOString(),
  };
  const known = stored.filter(({ name }) =>
    keys.length === 0
      ? !without.includes(name) && !gone.some((each) => each.name === name)
      : keys.includes(name)
  );
  const inside = [...known.filter(({ name }) => !lost.some((each) => each.name === name)), ...lost];
  const where = loss.kind === "changed" ? isMadeAgain ? null : changedRows(loss) : ungivenRows(own, columns);
  const names = (of: readonly Column[]) => of.map(({ name }) => name);
  const values = {
    table: table.name,
    columns: [...names(inside), ...loss.kind === "changed" ? names(lost) : []],
    where,
  };
  const count = {
    rows: sql`(SELECT count(*) FROM ${ownTable(sideTable)})`,
    bytes: own.bytes(sideTable, names(inside)),
  };
  const results = loss.kind === "changed"
    ? lost.flatMap(({ name }, place): readonly HandedResult[] => {
      const column = loss.names.get(name);
      return column === undefined || handed?.has(column) !== true
        ? []
        : [{ origin: name, column, was: wasColumn(place), became: becameColumn(place) }];
    })
    : [];
  const affinities = results.map(({ column }) => handed!.get(column)!);
  const makeOf = (where: SQL | null, became: readonly (string | null)[]) =>
    own.makeSideTable({
      name: sideTable,
      source: table,
      // What goes with a whole table, goes with each of them by itself.
      withHeirs: loss.kind !== "table" || table.heirs === undefined,
      columns: inside,
      became,
      where,
      order: keys.length > 0 ? keys : [],
    });
  const make = [
    ...own.lock(table.name),
    ...makeOf(where, loss.kind === "changed" ? lost.map(() => null) : []),
  ];
  const nothing = { rows: sql`0`, bytes: sql`0` };
  const empty = [...makeOf(sql`FALSE`, affinities), insertKept({ ...kept, state: "keeping" }, nothing)];
  const ahead: Ahead = { kept, table, columns: inside, where };
  if (loss.kind !== "changed") {
    return {
      kept,
      values,
      empty,
      ahead,
      results,
      mayWait: true,
      before: [...make, insertKept(kept, count)],
      after: [],
    };
  }
  return {
    kept,
    values,
    empty,
    ahead,
    results,
    // What the table's copy makes of its values, a column of the same affinity makes of them later.
    mayWait: results.length === lost.length,
    before: [...make, insertKept(kept, count)],
    after: [
      ...noteResults(own, { kept, loss, known, isRewritten: isMadeAgain }),
      recountKept(kept, count),
    ],
  };
}
