import { sql } from "drizzle-orm";
import { describeDifference, type Difference } from "../schema/compare_snapshots.ts";
import { type ErrorDetails, HarborError } from "../base/errors.ts";
import type { History, Revision } from "../history/history.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { Scratch } from "../engines/scratch.ts";
import { userStatement } from "../engines/statement_names.ts";
import type { RunContext } from "../engines/run_context.ts";
import { migrate } from "../migrate/migrate.ts";
import { follow, type Passage, startOf } from "../migrate/rules/origins.ts";
import { snapshotIfThere } from "../history/revision_schema.ts";
import { differencesFrom, schemasOf } from "../state/read_unmanaged.ts";
import { lossesBetween, readContents } from "./contents.ts";
import { type EmptyTable, putRows } from "./put_rows.ts";
import { outlooksOf } from "./rules/outlook.ts";

/** What proving needs of the outside. */
export interface ProofSetting {
  readonly scratch: Scratch;
  readonly version: string;
  readonly signal: AbortSignal;
  now(): Date;
}

/** A table that was proven without rows, and the first revision at which it was. */
export interface Unfilled extends EmptyTable {
  readonly revision: string;
}

/** Returns in words which table was empty, from when on, and why. */
export function emptyText({ table, revision, reason }: Unfilled): string {
  return `${table} (from ${revision} on: ${reason})`;
}

/** What a proof did not see. */
export interface Proof {
  /** The tables that had no rows in it. */
  readonly empty: readonly Unfilled[];
}

/**
 * Proves the revisions of a history from `first` on: runs each up, down and up again, on tables with rows in them, and
 * compares what is there each time with what the snapshots say and with what was there. Then goes from every earlier
 * revision to head in one go, as an upgrade does, and back. Those that are `released` are only run up, and in what their
 * last one leaves another schema than its snapshot says, all later ones may.
 *
 * @throws {HarborError} `not_proven` when a script fails, leaves another schema or loses rows or values; with what and
 * where
 */
export async function proveRevisions(
  history: History,
  { first, released = 0 }: ProofRange,
  setting: ProofSetting,
): Promise<Proof> {
  const { revisions } = history;
  const empty: Unfilled[] = [];
  const withProver = (work: (prover: Prover) => Promise<void>) =>
    setting.scratch(async (database) => {
      const { version, signal, now } = setting;
      const prover = createProver({ database, history, version, signal, now, notify: () => {} });
      await work(prover);
      empty.push(...prover.empty);
    });
  await withProver(async (prover) => {
    await prover.beginAt(released);
    await prover.goTo(first);
    for (let at = first; at < revisions.length; at++) {
      await prover.walk({ from: at, to: at + 1, directions: ["upgrade", "downgrade", "upgrade"] });
    }
  });
  if (revisions.length - released > 1) {
    await withProver(async (prover) => {
      await prover.beginAt(released);
      for (let at = released; at < revisions.length - 1; at++) {
        await prover.goTo(at);
        await prover.walk({ from: at, to: revisions.length, directions: ["upgrade", "downgrade"] });
      }
    });
  }
  const byTable = new Map(empty.toReversed().map((each) => [`${each.table}\n${each.reason}`, each]));
  return { empty: [...byTable.values()].toReversed() };
}

/** Says whether the scripts of a history, run up on an empty database, leave what the last snapshot says. */
export async function leavesItsSnapshot(
  history: History,
  { scratch, version, signal, now }: ProofSetting,
): Promise<boolean> {
  return await scratch(async (database) => {
    const context = { database, history, version, signal, now, notify: () => {} };
    await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
    return (await compare(context, history.revisions.length)).length === 0;
  });
}

/** A way through the history. Places count the revisions that are done. */
interface Walk {
  readonly from: number;
  readonly to: number;
  /** To the end and back. */
  readonly directions: readonly ("upgrade" | "downgrade")[];
}

/** Which revisions are proven. Places count the revisions before. */
export interface ProofRange {
  readonly first: number;
  /** How many revisions of the history are released. */
  readonly released?: number;
}

/** Goes through a history on a database of its own. */
interface Prover {
  /** The tables that had no rows. */
  readonly empty: readonly Unfilled[];
  /** Goes to a place whose schema is taken as it is. */
  beginAt(place: number): Promise<void>;
  /** Goes to a place, without rows that were made up. */
  goTo(place: number): Promise<void>;
  /** Puts rows into the tables where the walk begins, and walks. */
  walk(walk: Walk): Promise<void>;
}

function createProver(context: RunContext): Prover {
  const { database, history } = context;
  const { revisions } = history;
  const empty: Unfilled[] = [];
  /** In what the schema where the walks begin is not its snapshot's. */
  let inherited: ReadonlySet<string> = new Set();
  /** The tables that have rows which were made up, those that others refer to first. */
  let filled: readonly string[] = [];

  async function walk({ from, to, directions }: Walk): Promise<void> {
    const start = schemaAt(history, from);
    const up = passagesBetween(history, from, to);
    const contents = await fillTables(start, { up, from });
    let origins = startOf(start);
    for (const [attempt, direction] of directions.entries()) {
      const place: ProofPlace = { history, from, to, direction, isSecond: attempt === 2 };
      const goal = direction === "upgrade" ? to : from;
      await run(goal, place);
      const differences = (await compare(context, goal)).filter((each) =>
        !inherited.has(describeDifference(each))
      );
      if (differences.length > 0) {
        throw notProven(place, differences.map(describeDifference).join("; "), { details: { differences } });
      }
      const passages = direction === "upgrade" ? up : passagesBetween(history, to, from);
      origins = passages.reduce(follow, origins);
      const schema = schemaAt(history, goal);
      const now = { schema, contents: await readContents(database, schema) };
      const losses = lossesBetween({ schema: start, contents }, now, origins);
      if (losses.length > 0) throw notProven(place, losses.join("; "), { details: { losses } });
    }
    filled = [...origins].flatMap(([name, { table }]) => filled.includes(table ?? "") ? [name] : []);
  }

  /** Gives all tables rows, anew those that have some of an earlier walk: they know nothing of columns that came since. */
  async function fillTables(start: Snapshot, { up, from }: { up: readonly Passage[]; from: number }) {
    await removeRows();
    const put = await putRows(database, start, outlooksOf(start, up));
    filled = put.filled;
    const revision = revisions[from - 1]?.id ?? "base";
    empty.push(...put.empty.map((each) => ({ ...each, revision })));
    return await readContents(database, start);
  }

  async function removeRows(): Promise<void> {
    const statements = filled.toReversed().map((table) =>
      userStatement(sql`DELETE FROM ${sql.identifier(table)}`)
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

  async function beginAt(place: number): Promise<void> {
    if (place === 0) return;
    await goTo(place);
    inherited = new Set((await compare(context, place)).map(describeDifference));
  }

  async function goTo(place: number): Promise<void> {
    await removeRows();
    if (place > 0) await run(place, { history, from: 0, to: place, direction: "upgrade", isSecond: false });
  }

  async function run(goal: number, place: ProofPlace): Promise<void> {
    const text = revisions[goal - 1]?.id ?? "base";
    try {
      await migrate(context, { goal: { direction: place.direction, text }, lockWaitMs: 0 });
    } catch (error) {
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
      throw notProven(place, error.message, { cause: error, details: error.details });
    }
  }

  return { empty, beginAt, goTo, walk };
}

/** Returns the schema after so many revisions. */
function schemaAt({ dialect, revisions }: History, place: number): Snapshot {
  const revision = revisions[place - 1];
  if (revision === undefined) return { dialect, tables: [], others: [] };
  return snapshotIfThere(revision) ?? schemaAt({ dialect, revisions }, place - 1);
}

/** Returns the passages from one place to another, up or down. */
function passagesBetween(history: History, from: number, to: number): readonly Passage[] {
  const { revisions } = history;
  if (from > to) {
    return Array.from({ length: from - to }, (_, step) => ({
      before: schemaAt(history, from - step),
      after: schemaAt(history, from - step - 1),
      statements: textsOf(revisions[from - step - 1]!.downgrade()),
    }));
  }
  return Array.from({ length: to - from }, (_, step) => ({
    before: schemaAt(history, from + step),
    after: schemaAt(history, from + step + 1),
    statements: textsOf(revisions[from + step]!.upgrade()),
  }));
}

function textsOf(script: ReturnType<Revision["downgrade"]>): readonly string[] {
  return script?.statements.map(({ sql }) => sql) ?? [];
}

async function compare({ database, history }: RunContext, place: number): Promise<readonly Difference[]> {
  const live = await database.introspect();
  const wanted = history.revisions[place - 1];
  if (wanted !== undefined) {
    return snapshotIfThere(wanted) === null ? [] : differencesFrom(schemasOf(history), wanted, live);
  }
  return [
    ...live.tables.map(({ name }) => ({
      kind: "extra" as const,
      path: `table ${name}`,
      expected: null,
      actual: "a table after the downgrade to base",
    })),
    ...differencesFrom(schemasOf(history), null, { ...live, tables: [] }),
  ];
}

/** Where in a walk something went wrong. */
interface ProofPlace extends Pick<Walk, "from" | "to"> {
  readonly history: History;
  readonly direction: "upgrade" | "downgrade";
  readonly isSecond: boolean;
}

function notProven(
  { history: { revisions }, from, to, direction, isSecond }: ProofPlace,
  state: string,
  { cause, details }: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> },
): HarborError {
  const idAt = (place: number) => revisions[place - 1]?.id ?? "base";
  const last = revisions[to - 1]!;
  const ends = direction === "upgrade" ? [from, to] : [to, from];
  const what = to - from === 1
    ? `the ${direction}${isSecond ? " after a downgrade" : ""} of "${last.id}"`
    : `the ${direction} in one go from "${idAt(ends[0]!)}" to "${idAt(ends[1]!)}"`;
  const facts = { revision: last.id, ...details, direction };
  return new HarborError("not_proven", `Cannot prove ${what}`, {
    state,
    hint: [...failedStatement(facts), "Mend the script, then look again: harbor-db check"],
    details: facts,
    cause,
  });
}

/** Returns what shows the statement that failed, which may be in no file yet; nothing where none did. */
export function failedStatement({ statement }: ErrorDetails): readonly string[] {
  return statement === undefined ? [] : [`The statement is: ${statement.trim().replace(/\s+/g, " ")}`];
}
