import type { RunContext } from "../engines/run_context.ts";
import { snapshotIfThere } from "../history/revision_schema.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { countRows, type RowCount } from "../state/count_rows.ts";
import type { Loss } from "./kept/rules/losses.ts";
import { lossesOfPlan } from "./losses_of_plan.ts";
import type { PreparedPlan } from "./prepare_plan.ts";
import { stagesOf } from "./preflight/preflight.ts";
import { type TakenAway, takenAway, withStrangers } from "./rules/taken_away.ts";

/** A table or a column that goes. */
export interface Going {
  readonly table: string;
  /** `null` when the whole table goes. */
  readonly column: string | null;
  /** The rows of the table, or those with a value in the column; `null` when this user may not count them. */
  readonly count: RowCount | null;
}

/** What a plan does to a database. */
export interface Foreseen {
  readonly going: readonly Going[];
  /** The schema that is there, and the one that will be; `null` when the history lost the one that will be. */
  readonly schemas: { readonly before: Snapshot; readonly after: Snapshot } | null;
}

/**
 * Foresees what a plan takes away and which schema it leaves. Reads only, and no large table to its end.
 *
 * @returns `null` when that cannot be known, or nothing is there yet that could go
 */
export async function foresee(
  { database, history }: RunContext,
  { from, to, steps }: Pick<PreparedPlan, "from" | "to" | "steps">,
): Promise<Foreseen | null> {
  const at = (id: string | null) => history.revisions.find((each) => each.id === id);
  const [start, goal] = [at(from), at(to)];
  const known = start === undefined ? null : snapshotIfThere(start);
  if (known === null || steps.length === 0) return null;
  const live = await database.introspect();
  const end = stagesOf(history.revisions, known, steps).at(-1)!.to;
  const target = to === null ? { ...known, tables: [], others: [] } : goal && snapshotIfThere(goal);
  const going: Going[] = [];
  const taken = withLosses(takenAway(known, end), await lossesOfPlan(database, steps, live));
  for (const { table, columns } of taken) {
    const there = live.tables.find(({ name }) => name === table);
    // A run that was interrupted may have taken it away already.
    if (there === undefined) continue;
    const left = columns.filter((column) => there.columns.some(({ name }) => name === column));
    const counts = await countRows(database, table, left);
    if (columns.length === 0) going.push({ table, column: null, count: counts?.[0] ?? null });
    left.forEach((column, place) => going.push({ table, column, count: counts?.[place + 1] ?? null }));
  }
  const after = target ? withStrangers(target, { known, live }) : null;
  return { going, schemas: after === null ? null : { before: live, after } };
}

/**
 * Adds what the texts of scripts alone tell: of tables and columns that no snapshot has, as those of a revision that somebody wrote
 * by hand.
 *
 * @param losses What is lost of the tables that there are
 */
function withLosses(taken: readonly TakenAway[], losses: readonly Loss[]): readonly TakenAway[] {
  const lost = losses.flatMap((loss): readonly TakenAway[] => {
    const { kind, table: { name: table } } = loss;
    return kind === "changed" ? [] : [{ table, columns: kind === "table" ? [] : loss.columns }];
  });
  return [...Map.groupBy([...taken, ...lost], ({ table }) => table)].map(([table, parts]) => ({
    table,
    columns: parts.some(({ columns }) => columns.length === 0)
      ? []
      : [...new Set(parts.flatMap(({ columns }) => columns))],
  }));
}
