import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { forgetKept, readKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
import type { History } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { migrate } from "../../migrate/migrate.ts";
import { follow, type Origins, type Passage, startOf } from "../../migrate/rules/origins.ts";
import { describeDifference, type Difference } from "../../schema/compare/snapshots.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { differencesFrom, latestSchemas } from "../../state/read_unmanaged.ts";
import { outlooksOf } from "./rules/outlook.ts";
import { inOrder } from "./rules/sample_rows.ts";
import { type Filled, lossesBetween, readContents } from "./contents.ts";
import type { LawOfRevision } from "./law.ts";
import { type Brought, withoutBrought } from "./host.ts";
import { createLawWalk, type LawWalk } from "./law_walk.ts";
import { meantLosses } from "./meant_losses.ts";
import { few, lawBroken, notProven, passagesBetween, type ProofPlace, schemaAt, type Walk } from "./place.ts";
import { type EmptyTable, putRows } from "./put_rows.ts";
import { rowsForWrites } from "./write_rows.ts";

/** A table that was proven without rows, and the first revision at which it was. */
export interface Unfilled extends EmptyTable {
  readonly revision: string;
}

/** Goes through a history on a database of its own. */
export interface Prover {
  /** The tables that had no rows. */
  readonly empty: readonly Unfilled[];
  /** Goes to a place, without rows that were made up. */
  goTo(place: number): Promise<void>;
  /** Puts rows into the tables where the walk begins, and walks; returns what was seen of the law where an application writes. */
  walk(walk: Walk): Promise<LawOfRevision | null>;
}

/** Where walks begin. */
export interface Start {
  /** What the host brought there. */
  readonly brought: Brought;
  /** In what the schema of what is released is not its snapshot's. */
  readonly inherited: ReadonlySet<string>;
  /** What is there; `null` where that was not looked at. */
  readonly live: Snapshot | null;
  /** What walks go by: its first revision may stand for all that is behind them. */
  readonly history: History;
}

/** Goes to a place whose schema is taken as it is. */
export async function beginAt(context: RunContext, brought: Brought, place: number): Promise<Start> {
  const base: Start = { brought, inherited: new Set(), live: null, history: context.history };
  if (place === 0) return base;
  const { live } = await goOn(context, base, place);
  const differences = await compare(context, place, { brought, live });
  return { ...base, inherited: new Set(differences.map(describeDifference)), live };
}

/** Goes on from where walks begin, without rows. */
export async function goOn(context: RunContext, start: Start, place: number): Promise<Start> {
  const { history } = context;
  if (place === 0) return start;
  const way: ProofPlace = { history, from: 0, to: place, direction: "upgrade", isSecond: false };
  return { ...start, live: await run(context, place, { place: way, start }) };
}

/** Makes what goes through a history on a database. */
export function createProver(context: RunContext, start: Start): Prover {
  const { database, history } = context;
  const { revisions } = history;
  const { brought, inherited } = start;
  const empty: Unfilled[] = [];
  /** What there is, but for rows; `null` where that was not looked at. */
  let { live } = start;
  /** The tables that have rows which were made up. */
  let filled: readonly string[] = [];
  /** The one that they are in. */
  let schema: Snapshot = schemaAt(history, 0);

  async function walk({ from, to, directions, writes = false }: Walk): Promise<LawOfRevision | null> {
    schema = schemaAt(history, from);
    const up = passagesBetween(history, from, to);
    const down = directions.includes("downgrade") ? passagesBetween(history, to, from) : [];
    const law = writes
      ? createLawWalk(context, {
        up,
        down,
        isMeant: meantLosses({ history, revision: revisions[to - 1]!, down }),
      })
      : null;
    let was: Filled = { schema, contents: await fillTables(schema, { up, from }, law) };
    let origins = startOf(schema);
    let madeBehind: readonly string[] = [];
    law?.begin(was);
    for (const [attempt, direction] of directions.entries()) {
      const place: ProofPlace = { history, from, to, direction, isSecond: attempt === 2 };
      const goal = direction === "upgrade" ? to : from;
      live = await run(context, goal, { place, start: { ...start, live } });
      const differences = (await compare(context, goal, { brought, live })).filter((each) =>
        !inherited.has(describeDifference(each))
      );
      if (differences.length > 0) {
        throw notProven(place, differences.map(describeDifference).join("; "), { details: { differences } });
      }
      origins = (direction === "upgrade" ? up : down).reduce(follow, origins);
      const reached = schemaAt(history, goal);
      const now: Filled = { schema: reached, contents: await readContents(database, reached) };
      const losses = lossesBetween(was, now, origins);
      if (losses.length > 0) throw notProven(place, few(losses), { details: { losses } });
      filled = [...origins].flatMap(([name, { table }]) => filled.includes(table ?? "") ? [name] : []);
      const arrived = await law?.arrive(now, direction, attempt < directions.length - 1);
      const breaches = arrived?.breaches ?? [];
      if (breaches.length > 0) throw lawBroken(place, breaches);
      // What was put in behind the upgrade goes with the downgrade, and comes back.
      if (attempt === 0) madeBehind = arrived?.filled ?? [];
      if (direction === "upgrade") filled = [...new Set([...filled, ...madeBehind])];
      else filled = [...filled, ...arrived?.filled ?? []];
      [was, origins, schema] = [arrived?.after ?? now, goingOn(origins), now.schema];
    }
    return law?.seen(revisions[to - 1]!.id) ?? null;
  }

  /** Gives all tables rows, anew those that have some of an earlier walk: they know nothing of columns that came since. */
  async function fillTables(
    at: Snapshot,
    { up, from }: { readonly up: readonly Passage[]; readonly from: number },
    law: LawWalk | null,
  ) {
    await removeRows();
    const put = await putRows(
      database,
      at,
      outlooksOf(at, up),
      law === null ? undefined : rowsForWrites,
    );
    filled = put.filled;
    const revision = revisions[from - 1]?.id ?? "base";
    empty.push(...put.empty.map((each) => ({ ...each, revision })));
    return await readContents(database, at);
  }

  async function removeRows(): Promise<void> {
    // What is kept of rows is not for others that get the same keys.
    await forgetKept(database, await readKept(database));
    const tables = inOrder(schema.tables, ({ foreignKeys }) => foreignKeys.map(({ table }) => table));
    const statements = tables.filter(({ name }) => filled.includes(name)).toReversed().map(({ name }) =>
      userStatement(sql`DELETE FROM ${ownTable(name)}`)
    );
    if (statements.length === 0) return;
    try {
      await database.write(statements);
    } catch (error) {
      // What a script made of them refers to them: they stay.
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    }
    filled = [];
  }

  async function goTo(place: number): Promise<void> {
    await removeRows();
    ({ live } = await goOn(context, { ...start, live }, place));
  }

  return { empty, goTo, walk };
}

/** Runs scripts up or down to a place; returns what is there then, `null` where that was not looked at. */
async function run(
  context: RunContext,
  goal: number,
  { place, start: { history, live } }: { readonly place: ProofPlace; readonly start: Start },
): Promise<Snapshot | null> {
  const { direction } = place;
  const text = context.history.revisions[goal - 1]?.id ?? "base";
  try {
    const done = await migrate({ ...context, history }, {
      goal: { direction, text },
      lockWaitMs: 0,
      live: live ?? undefined,
    });
    return done.steps.length === 0 ? live : done.live;
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    throw notProven(place, error.message, { cause: error, details: error.details });
  }
}

/** Returns origins that begin where others end, with what they say of values. */
function goingOn(origins: Origins): Origins {
  return new Map([...origins].map(([name, { columns, ...table }]) => [name, {
    ...table,
    table: name,
    columns: new Map([...columns].map(([column, { values }]) => [column, { column, values }])),
  }]));
}

/** Returns in what a database is not what a place of the history says, beside what the host brought. */
export async function compare(
  { database, history }: RunContext,
  place: number,
  { brought, live: known }: Pick<Start, "brought" | "live">,
): Promise<readonly Difference[]> {
  const live = known ?? await database.introspect();
  return withoutBrought(differencesAt(history, place, live), brought, live);
}

function differencesAt(history: History, place: number, live: Snapshot): readonly Difference[] {
  const wanted = history.revisions[place - 1];
  if (wanted !== undefined) {
    return snapshotIfThere(wanted) === null ? [] : differencesFrom(latestSchemas(history), wanted, live);
  }
  return [
    ...live.tables.map(({ name }) => ({
      kind: "extra" as const,
      path: `table ${name}`,
      expected: null,
      actual: "a table after the downgrade to base",
    })),
    ...differencesFrom(latestSchemas(history), null, { ...live, tables: [] }),
  ];
}
