import { copiedTables } from "./rules/copied_tables.ts";
import { heldTypes } from "./rules/type_changes.ts";
import { compareSnapshots } from "../schema/compare_snapshots.ts";
import { type Demand, demandsOf } from "./rules/row_demands.ts";
import { HarborError } from "../base/errors.ts";
import type { Revision } from "../history/history.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import type { Step } from "./rules/plan.ts";
import { settledBy, unsettled } from "./rules/columns_filled.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { rightsError } from "./check_rights.ts";
import { conflictError, findConflicts } from "./check_rows.ts";
import type { RunContext } from "../engines/run_context.ts";
import { snapshotOf } from "../state/read_unmanaged.ts";

/** The schema before and after a step, and the statements that lead from one to the other. */
interface Passage {
  readonly step: Step;
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly statements: readonly string[];
}

/**
 * Looks ahead, so that nothing stops half way: at the user's rights; at the rows, for what the schemas to come demand and these do not have;
 * at views that hold a column whose type is to change; and at what a table's copy would lose, since no revision knows
 * it. Reads only.
 *
 * What a script itself gives values to is left to the script. A step that was interrupted has been looked at.
 *
 * @param from The revision that the database is at
 * @throws {HarborError} `read_only`, `data_conflict` or `schema_mismatch`
 */
export async function preflight(
  context: RunContext,
  from: string,
  steps: readonly Step[],
): Promise<void> {
  const { database, history } = context;
  const [first] = steps;
  if (first === undefined) return;
  const forbidden = await rightsError(first.direction, context);
  if (forbidden !== null) throw forbidden;
  const start = history.revisions.find(({ id }) => id === from);
  if (start === undefined) return;
  const passages = passagesOf(history.revisions, start, steps);
  const live = await database.introspect();
  for (const { step, before, statements } of passages) {
    refuseLosses(context, step, { before, live, statements });
  }
  refuseHeldTypes(context, passages, live);
  const conflicts = await findConflicts(
    database,
    passages.flatMap((_, place) => demandsAt(passages, place, live)),
  );
  const error = conflictError(first.direction, database, conflicts);
  if (error !== null) throw error;
}

function passagesOf(
  revisions: readonly Revision[],
  start: Revision,
  steps: readonly Step[],
): readonly Passage[] {
  let before = snapshotOf(start);
  return steps.flatMap((step) => {
    const { revision, direction, script, resume } = step;
    const parent = revisions.find(({ id }) => id === revision.parent);
    const goal = direction === "upgrade" ? revision : parent;
    const after = goal === undefined ? { ...before, tables: [] } : snapshotOf(goal);
    const passage = { step, before, after, statements: script.statements.map((statement) => statement.sql) };
    before = after;
    return resume === null ? [passage] : [];
  });
}

/** Returns what one step demands of the rows as they are now. */
function demandsAt(passages: readonly Passage[], place: number, live: Snapshot): readonly Demand[] {
  const { before, after } = passages[place]!;
  const earlier = passages.slice(0, place + 1).flatMap(({ statements }) => statements);
  const copied = copiedTables(passages[place]!.statements);
  // A copy is judged as a whole: it must not leave more references dangling than there were.
  const demands = [
    ...demandsOf(after, before, true),
    ...demandsOf(after, before).filter(({ kind, table }) => kind === "orphan" && copied.includes(table)),
  ];
  const isThere = ({ table, columns }: Demand) => {
    const found = live.tables.find(({ name }) => name === table);
    return columns.every((column) => found?.columns.some(({ name }) => name === column));
  };
  // Who is in a table that the step itself makes, or renames, is not known before it runs.
  const isKnown = ({ kind, table, columns }: Demand) => {
    const keys = after.tables.find(({ name }) => name === table)?.foreignKeys ?? [];
    const targets = keys.filter((key) => key.columns.join() === columns.join()).map((key) => key.table);
    return kind !== "orphan" || targets.every((target) => before.tables.some(({ name }) => name === target));
  };
  return unsettled(demands, settledBy(earlier, before.dialect)).filter(isThere).filter(isKnown);
}

function refuseHeldTypes({ database }: RunContext, passages: readonly Passage[], live: Snapshot): void {
  const [first] = passages.flatMap(({ step, before, after }) =>
    heldTypes(before, after, live).map((obstacle) => ({ step, obstacle }))
  );
  if (first === undefined) return;
  const { step: { direction, revision }, obstacle } = first;
  throw new HarborError(
    "schema_mismatch",
    `Cannot ${direction} "${database.url}": on the way past ${revision.id}, ${obstacle.state}`,
    {
      hint: obstacle.remedy,
      details: { obstacle, revision: revision.id },
    },
  );
}

function refuseLosses(
  { database, history }: RunContext,
  { direction, revision }: Step,
  { before, live, statements }: {
    readonly before: Snapshot;
    readonly live: Snapshot;
    readonly statements: readonly string[];
  },
): void {
  const copied = copiedTables(statements);
  if (copied.length === 0) return;
  const known = history.revisions.map((each) => ({ snapshot: snapshotOf(each) }));
  const own = ownTables(known, live).tables.filter(({ name }) => copied.includes(name));
  const expected = before.tables.filter(({ name }) => copied.includes(name));
  const differences = compareSnapshots({ ...before, tables: expected }, { ...live, tables: own });
  // Indexes, views and triggers outlive a copy.
  const lost = [
    ...differences.filter(({ kind, path }) => kind === "extra" && !path.startsWith("index ")).map((
      { path },
    ) => path),
    ...own.flatMap(({ name, peculiarities = [] }) =>
      peculiarities.map((words) => `${words} of table ${name}`)
    ),
  ];
  if (lost.length === 0) return;
  throw new HarborError(
    "schema_mismatch",
    `Cannot ${direction} "${database.url}": on the way past ${revision.id} a table has to be copied, and the copy would lose ${
      lost.join(", ")
    }, which no revision knows`,
    {
      hint: direction === "upgrade"
        ? "A bridge to head keeps it: harbor-db adopt"
        : "Restore a backup: harbor-db backup list",
      details: { lost, revision: revision.id },
    },
  );
}
