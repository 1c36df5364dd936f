import { stopIfAsked } from "../base/interrupt.ts";
import { loadQueryPlanner } from "../engines/open/query_planner.ts";
import type { Planned } from "../engines/plans/query_planner.ts";
import type { RunContext } from "../engines/run_context.ts";
import { countRows } from "../state/count_rows.ts";
import { newScans } from "./rules/compare_plans.ts";
import { judgeQueries, type Query, type QueryReport } from "./rules/queries.ts";

/** The application's queries, and what was not taken of them. */
export interface QuerySource {
  readonly queries: readonly Query[];
  readonly remarks: readonly string[];
}

/** From how many rows on it matters that all of a table is read. */
const largeRows = 1_000;

/** Asks for the plan of each query, on a copy: the planner may look at all tables first. */
export async function readPlans(
  { database, signal }: RunContext,
  { queries }: QuerySource,
): Promise<readonly Planned[]> {
  const planner = await loadQueryPlanner(database.dialect);
  await planner.refresh(database);
  stopIfAsked(signal);
  return await planner.plan(database, { queries: queries.map(({ sql }) => sql), signal });
}

/** Says what became of the queries since their plans were asked for. */
export async function judgePlans(
  context: RunContext,
  source: QuerySource,
  before: readonly Planned[],
): Promise<QueryReport> {
  const after = await readPlans(context, source);
  const scanned = new Set(after.flatMap(({ plan: now }, at) => {
    const was = before[at]!.plan;
    return was === null || now === null ? [] : newScans(was, now);
  }));
  const large = new Set<string>();
  for (const table of scanned) {
    const counts = await countRows(context.database, table);
    // What cannot be counted may be large.
    if (counts === null || counts[0].rows >= largeRows) large.add(table);
  }
  return judgeQueries(source.queries, { before, after, large }, source.remarks);
}
