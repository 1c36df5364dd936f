import { formatCount } from "../../base/quantity.ts";
import type { Access, QueryPlan } from "../../engines/plans/query_planner.ts";

/** How many times higher an estimate has to be to be told. */
const severalTimes = 3;

/** Estimates below it say nothing: a page or two of a small table. */
const leastCost = 100;

/** Returns the tables of which all is read now, and was not before. */
export function newScans(before: QueryPlan, after: QueryPlan): readonly string[] {
  return tablesOf(after).filter((table) => countScans(after, table) > countScans(before, table));
}

/**
 * Returns what got worse in a plan, as sentences. An index that another one took the place of is no loss; so is a cheaper
 * plan without it, where the engine estimates that.
 *
 * @param large Tables of which it matters that all is read
 */
export function worseIn(
  before: QueryPlan,
  after: QueryPlan,
  large: ReadonlySet<string>,
): readonly string[] {
  const isDearer = before.cost === null || after.cost === null || after.cost > before.cost;
  const isMuchDearer = before.cost !== null && after.cost !== null && after.cost >= leastCost &&
    after.cost >= before.cost * severalTimes;
  return [
    ...isDearer ? lostIndexes(before, after) : [],
    ...newScans(before, after).filter((table) => isDearer && large.has(table)).map((table) =>
      `it reads all of ${table}`
    ),
    ...isMuchDearer
      ? [`its estimated cost goes from ${formatCost(before.cost!)} to ${formatCost(after.cost!)}`]
      : [],
  ];
}

function lostIndexes(before: QueryPlan, after: QueryPlan): readonly string[] {
  return tablesOf(before).flatMap((table) => {
    const [was, now] = [before, after].map((plan) => accessesOf(plan, table).filter(usesIndex));
    if (now!.length >= was!.length) return [];
    const left = new Set(now!.map(({ index }) => index));
    const lost = new Set(was!.map(({ index }) => index!).filter((index) => !left.has(index)));
    return [...lost].map((index) => `it no longer uses ${index} of ${table}`);
  });
}

function usesIndex({ index }: Access): boolean {
  return index !== null;
}

function tablesOf({ accesses }: QueryPlan): readonly string[] {
  return [...new Set(accesses.map(({ table }) => table))];
}

function accessesOf({ accesses }: QueryPlan, table: string): readonly Access[] {
  return accesses.filter((each) => each.table === table);
}

function countScans(plan: QueryPlan, table: string): number {
  return accessesOf(plan, table).filter(({ isScan }) => isScan).length;
}

function formatCost(cost: number): string {
  return formatCount(Math.round(cost));
}
