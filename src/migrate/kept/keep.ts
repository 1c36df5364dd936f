import { type SQL, sql } from "drizzle-orm";
import type { HandOver } from "../../engines/beside.ts";
import {
  becameColumn,
  createKeptTable,
  forgetKept,
  insertKept,
  keepingName,
  type Kept,
  type KeptColumn,
  keptName,
  readKept,
  readWithdrawal,
  recountKept,
  retryKept,
  sideTableOf,
} from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Script } from "../../history/script.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { HarborError } from "../../base/errors.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";
import { quoteText } from "../../sql/quote.ts";
import { plainTexts } from "../rules/plain_texts.ts";
import type { Step } from "../rules/plan.ts";
import { effectsOf } from "../rules/statement_effects.ts";
import { isSameName } from "./rules/names.ts";
import { guardsOf } from "./guard.ts";
import { requireRoom } from "./room.ts";
import { nextId } from "./side_tables.ts";
import { givenBy } from "./rules/given.ts";
import { keysOf, storedColumns } from "./rules/keys.ts";
import { type Loss, lossesOf, tablesOfLosses, withoutMade } from "./rules/losses.ts";
import { all, any, type Words, words } from "./words.ts";

/** What puts aside what a batch would destroy, in the batch's own transaction or behind it. */
export interface Keeping {
  /** Go before the batch's statements. */
  readonly before: readonly SQL[];
  /** Go behind them. */
  readonly after: readonly SQL[];
  readonly kept: readonly Planned[];
  /** What a change that hands the table over commits with it, so that `takeAside` has the rest; `null` where that is not enough. */
  readonly later: { readonly table: string; readonly handOver: HandOver } | null;
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

/** What a step kept, as reported. */
export type KeptResult = Pick<Kept, "id" | "kind" | "table" | "rows" | "bytes"> & {
  readonly columns: readonly string[];
};

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
  },
): Promise<Keeping | null> {
  const { database } = context;
  const losses = await findLosses(context, part);
  if (losses.length === 0) return null;
  const schemas = schemasAround(context, step);
  const planFrom = async (first: number) => {
    const planned = await Promise.all(
      losses.map((loss, place) => planLoss(context, { step, loss, schemas, id: first + place })),
    );
    // An upsert on a table of nothing but its key changes no value.
    return planned.filter(({ kept }) => kept.kind === "table" || kept.columns.length > 0);
  };
  if (!part.isMade) {
    const guards = await guardsOf(database, (await planFrom(1)).map(({ values }) => values));
    const otherwise = () => planKeeping(context, step, { ...part, isMade: true });
    if (guards !== null) return { before: guards, after: [], kept: [], later: null, otherwise };
  }
  const parts = await planFrom(await nextId(database));
  if (parts.length === 0) return null;
  await requireRoom(database, parts.map(({ values }) => values));
  const withdraw = await readWithdrawal(database);
  const { revision, direction } = step;
  const opening = [
    createKeptTable,
    ...withdraw(keptName),
    retryKept({ revision: revision.id, direction }),
  ];
  const [only, ...others] = parts;
  return {
    before: [...opening, ...parts.flatMap(({ kept, before }) => [...before, ...withdraw(kept.sideTable)])],
    after: parts.flatMap((part) => part.after),
    kept: parts.map(({ kept }) => kept),
    later: others.length > 0 || only === undefined || only.kept.kind === "changed" ? null : {
      table: only.kept.table,
      handOver: {
        name: keepingName(only.kept.id),
        statements: [...opening, ...only.empty, ...withdraw(only.kept.sideTable)],
      },
    },
  };
}

/** Returns all schemas that the history knows, and the one of a step of which it may not know. */
export function schemasAround(
  { history }: Pick<RunContext, "history">,
  { revision }: Step,
): readonly Snapshot[] {
  return [...history.revisions, revision].flatMap((each) => snapshotIfThere(each) ?? []);
}

interface LossPart {
  readonly step: Step;
  readonly loss: Loss;
  readonly schemas: readonly Snapshot[];
  readonly id: number;
}

async function planLoss(context: RunContext, { step, loss, schemas, id }: LossPart) {
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
  const keys = keysOf({
    table,
    without: [...isAll ? [] : without, ...gone.map(({ name }) => name)],
    schemas,
  });
  const lost = stored.filter(({ name }) =>
    loss.kind === "table" || (without.includes(name) && !(isAll && keys.includes(name)))
  );
  const columns = await Promise.all(lost.map(async (column): Promise<KeptColumn> => ({
    name: column.name,
    type: column.type,
    // A counter gives each row something else.
    given: loss.kind === "columns" && !column.identity
      ? await readGiven(context, step, { table, column })
      : null,
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
  const where = loss.kind === "changed" ? changedRows(loss) : ungivenRows(own, columns);
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
  const makeOf = (where: SQL | null) =>
    own.makeSideTable({
      name: sideTable,
      source: table,
      columns: inside,
      became: loss.kind === "changed" ? columns.length : 0,
      where,
      order: keys.length > 0 ? keys : [],
    });
  const make = [...own.lock(table.name), ...makeOf(where)];
  const nothing = { rows: sql`0`, bytes: sql`0` };
  const empty = [...makeOf(sql`FALSE`), insertKept({ ...kept, state: "keeping" }, nothing)];
  if (loss.kind !== "changed") {
    return { kept, values, empty, before: [...make, insertKept(kept, count)], after: [] };
  }
  return {
    kept,
    values,
    empty,
    before: [...make, insertKept(kept, count)],
    after: [
      ...noteResults(own, { kept, loss, known, isRewritten: isRewritten(context, step, loss) }),
      recountKept(kept, count),
    ],
  };
}

/** Which rows have a value that the opposite script does not give them; `null` for all. */
export function ungivenRows(own: Words, columns: readonly KeptColumn[]): SQL | null {
  return columns.some(({ given }) => given === null)
    ? null
    : any(columns.map(({ name, given }) => sql`NOT ${own.isGiven(sql`t.${sql.identifier(name)}`, given!)}`));
}

/** Which rows may get another value; `null` for all. */
function changedRows({ columns }: Loss & { readonly kind: "changed" }): SQL | null {
  return columns.some(({ change }) => change === "changed")
    ? null
    : any(columns.map(({ name }) => sql`t.${sql.identifier(name)} IS NULL`));
}

/** Notes what became of the values, and forgets those that stayed. */
function noteResults(
  own: Words,
  { kept, loss, known, isRewritten }: {
    readonly kept: Planned;
    readonly loss: Changed;
    readonly known: readonly Column[];
    readonly isRewritten: boolean;
  },
): readonly SQL[] {
  const side = ownTable(kept.sideTable);
  const [t, k] = [sql.raw("t"), sql.raw("k")];
  const now = (name: string) => sql`${t}.${sql.identifier(loss.names.get(name)!)}`;
  const match = known.length === 0 ? sql`FALSE` : all(
    known.map((column) => own.isKey(now(column.name), sql`${k}.${sql.identifier(column.name)}`, column)),
  );
  const became = kept.columns.map(({ name }, place) =>
    sql`${sql.identifier(becameColumn(place))} = ${own.became(now(name), null)}`
  );
  const stayed = all(
    kept.columns.map(({ name }, place) =>
      own.isStill(sql`${sql.identifier(name)}`, sql`${sql.identifier(becameColumn(place))}`)
    ),
  );
  return [
    sql`UPDATE ${side} AS k SET ${sql.join(became, sql`, `)} FROM ${ownTable(loss.now)} AS t WHERE ${match}`,
    ...isRewritten ? [] : [sql`DELETE FROM ${side} WHERE ${stayed}`],
  ];
}

type Changed = Loss & { readonly kind: "changed" };

/** Whether the opposite script writes the same columns: then it makes others of values that this one lets stay, too. */
function isRewritten({ database }: RunContext, step: Step, { now, columns, names }: Changed): boolean {
  const { dialect } = database;
  return oppositeOf(step, database).flatMap((sql) => effectsOf(sql, dialect)).some((effect) =>
    effect.kind === "write" && !effect.isFill && isSameName(dialect, effect.table, now) &&
    columns.some((column) =>
      effect.columns?.some((name) => isSameName(dialect, name, names.get(column.name)!)) ?? true
    )
  );
}

/** What the opposite script gives a column, as its values are compared: on PostgreSQL as the text of what is stored. */
async function readGiven(
  { database }: RunContext,
  step: Step,
  { table, column }: { readonly table: Table; readonly column: Column },
): Promise<string | null> {
  const statements = oppositeOf(step, database);
  const given = givenBy(statements, { table: table.name, column: column.name }, database.dialect);
  const query = given === null ? null : words[database.dialect].readGiven(given, column);
  if (query === null) return given;
  try {
    const [found] = await database.read<{ readonly value: string }>(query);
    return found === undefined ? null : quoteText(found.value);
  } catch (error) {
    // Then all values are kept.
    if (error instanceof HarborError && error.code === "statement_failed") return null;
    throw error;
  }
}

/** Returns the statements of the script that undoes a step's. */
function oppositeOf(
  { revision, direction }: Step,
  database: Pick<RunContext["database"], "schemas">,
): readonly string[] {
  return scriptOf(
    direction === "downgrade" ? () => revision.upgrade() : () => revision.downgrade(),
    database,
  );
}

/** Returns a script's statements; none of one that is not there, or cannot be read: then all values are kept. */
function scriptOf(
  read: () => Script | null,
  database: Pick<RunContext["database"], "schemas">,
): readonly string[] {
  try {
    const script = read();
    return script === null ? [] : plainTexts(script, [database]);
  } catch (error) {
    if (error instanceof HarborError) return [];
    throw error;
  }
}

/** Returns what was kept, and takes away the side tables that got no row. */
export async function settleKept(
  { database }: RunContext,
  ids: readonly number[],
): Promise<readonly KeptResult[]> {
  if (ids.length === 0) return [];
  const own = (await readKept(database)).filter(({ id }) => ids.includes(id));
  const empty = own.filter(({ rows }) => rows === 0);
  await forgetKept(database, empty);
  return own.filter(({ rows }) => rows > 0).map(({ id, kind, table, columns, rows, bytes }) => ({
    id,
    kind,
    table,
    columns: columns.map(({ name }) => name),
    rows,
    bytes,
  }));
}
