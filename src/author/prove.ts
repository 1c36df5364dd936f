import { sql } from "drizzle-orm";
import { describeDifference, type Difference } from "../schema/compare_snapshots.ts";
import { HarborError } from "../base/errors.ts";
import type { History, Revision } from "../history/history.ts";
import { sampleRows } from "./rules/sample_rows.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { Database } from "../engines/database.ts";
import type { Scratch } from "../engines/scratch.ts";
import { ownTable, userStatement } from "../engines/statement_names.ts";
import type { RunContext } from "../engines/run_context.ts";
import { migrate } from "../migrate/migrate.ts";
import { differencesFrom, snapshotOf } from "../state/read_unmanaged.ts";

/** What proving needs of the outside. */
export interface ProofSetting {
  readonly scratch: Scratch;
  readonly version: string;
  readonly signal: AbortSignal;
  now(): Date;
}

/**
 * Proves the revisions of a history from `first` on: runs each up, down and up again, on tables with rows in them, and
 * compares what is there each time with what the snapshots say.
 *
 * @throws {HarborError} `not_proven` when a script fails, leaves another schema or loses rows; with what and where
 */
export async function proveRevisions(
  history: History,
  first: number,
  setting: ProofSetting,
): Promise<void> {
  await setting.scratch(async (database) => {
    const context: RunContext = {
      database,
      history,
      version: setting.version,
      signal: setting.signal,
      now: setting.now,
      notify: () => {},
    };
    const upTo = (id: string) =>
      migrate(context, { goal: { direction: "upgrade", text: id }, lockWaitMs: 0 });
    const before = history.revisions[first - 1];
    if (before !== undefined) await upTo(before.id);
    for (const [index, revision] of history.revisions.entries()) {
      if (index < first) continue;
      await proveRevision(context, revision, history.revisions[index - 1]);
    }
  });
}

async function proveRevision(
  context: RunContext,
  revision: Revision,
  parent: Revision | undefined,
): Promise<void> {
  const { history } = context;
  const goals = {
    upgrade: { direction: "upgrade", text: revision.id },
    downgrade: { direction: "downgrade", text: parent?.id ?? "base" },
  } as const;
  const rows = parent === undefined
    ? []
    : await addRows(context.database, snapshotOf(parent), snapshotOf(revision));
  for (const [attempt, direction] of (["upgrade", "downgrade", "upgrade"] as const).entries()) {
    const place = { revision, direction, isSecond: attempt === 2 };
    try {
      await migrate(context, { goal: goals[direction], lockWaitMs: 0 });
    } catch (error) {
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
      throw notProven(place, error.message, { cause: error, details: error.details });
    }
    const wanted = direction === "upgrade" ? revision : parent;
    const differences = await compare(context, wanted, history);
    if (differences.length > 0) {
      throw notProven(place, differences.map(describeDifference).join("; "), { details: { differences } });
    }
  }
  await refuseLostRows(context.database, rows, snapshotOf(revision), revision);
}

async function compare(
  { database }: RunContext,
  wanted: Revision | undefined,
  history: History,
): Promise<readonly Difference[]> {
  const live = await database.introspect();
  if (wanted !== undefined) return differencesFrom(history, wanted, live);
  return live.tables.map(({ name }) => ({
    kind: "extra" as const,
    path: `table ${name}`,
    expected: null,
    actual: "a table after the downgrade to base",
  }));
}

interface TableRows {
  readonly table: string;
  readonly rows: number;
}

/** Puts rows into the empty tables that take them, so that a script that only works without rows shows. */
async function addRows(
  database: Database,
  snapshot: Snapshot,
  next: Snapshot,
): Promise<readonly TableRows[]> {
  const names = snapshot.tables.map(({ name }) => name);
  const empty = (await countRows(database, names)).filter(({ rows }) => rows === 0);
  for (const { table, statements } of sampleRows(snapshot, next)) {
    if (!empty.some((each) => each.table === table)) continue;
    try {
      await database.write(statements.map((statement) => userStatement(sql.raw(statement))));
    } catch (error) {
      // A check that no made-up row satisfies: the table stays empty.
      if (!(error instanceof HarborError)) throw error;
    }
  }
  return await countRows(database, names);
}

async function countRows(database: Database, tables: readonly string[]): Promise<readonly TableRows[]> {
  const counts: TableRows[] = [];
  for (const table of tables) {
    const [row] = await database.read<{ n: number | bigint | string }>(
      sql`SELECT count(*) AS n FROM ${ownTable(table)}`,
    );
    counts.push({ table, rows: Number(row!.n) });
  }
  return counts;
}

/** A rebuild that empties the tables that refer to it looks right to whoever compares schemas only. */
async function refuseLostRows(
  database: Database,
  before: readonly TableRows[],
  after: Snapshot,
  revision: Revision,
): Promise<void> {
  const kept = before.filter(({ table }) => after.tables.some((each) => each.name === table));
  const now = await countRows(database, kept.map(({ table }) => table));
  const lost = kept.filter(({ rows }, at) => now[at]!.rows < rows);
  const deletes = revision.upgrade().statements.some((each) => /^\s*(DELETE|TRUNCATE)\b/i.test(each.sql));
  if (lost.length === 0 || deletes) return;
  const counts = lost.map(({ table, rows }) => {
    const left = now.find((each) => each.table === table)!.rows;
    return `${table} has ${left} rows instead of ${rows}`;
  });
  throw notProven({ revision, direction: "upgrade", isSecond: true }, counts.join("; "), {});
}

interface ProofPlace {
  readonly revision: Revision;
  readonly direction: "upgrade" | "downgrade";
  readonly isSecond: boolean;
}

function notProven(
  { revision, direction, isSecond }: ProofPlace,
  state: string,
  { cause, details }: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> },
): HarborError {
  const again = isSecond ? " after a downgrade" : "";
  return new HarborError(
    "not_proven",
    `Cannot prove the ${direction} of "${revision.id}" (${revision.name})${again}: ${state}`,
    { details: { ...details, revision: revision.id, direction }, cause },
  );
}
