import type { Planned, QueryPlan } from "../../engines/plans/query_planner.ts";
import { worseIn } from "./compare_plans.ts";

/** A query of the application's. */
export interface Query {
  /** Where it was found: `queries.sql:12`. */
  readonly place: string;
  readonly sql: string;
}

/** What became of the application's queries. */
export interface QueryReport {
  readonly count: number;
  /** Those that could be prepared before and no longer can. */
  readonly broken: readonly (Query & { readonly why: string })[];
  /** Those whose plan got worse, with what it was and is. */
  readonly worse: readonly (Query & Readonly<Record<"reasons" | "before" | "after", readonly string[]>>)[];
  /** Those that could be prepared neither before nor afterwards: they say nothing of the change. */
  readonly unjudged: readonly (Query & { readonly why: string })[];
  /** Those that can be prepared only afterwards. */
  readonly added: readonly Query[];
  /** What was not looked at, as sentences. */
  readonly remarks: readonly string[];
}

/** What is there to judge by. */
export interface Plans {
  readonly before: readonly Planned[];
  readonly after: readonly Planned[];
  /** Tables of which it matters that all is read. */
  readonly large: ReadonlySet<string>;
}

/** Says what became of each query, by its plans before and after. */
export function judgeQueries(
  queries: readonly Query[],
  { before, after, large }: Plans,
  remarks: readonly string[] = [],
): QueryReport {
  const judged = queries.map((query, at) => ({ query, was: before[at]!, now: after[at]! }));
  return {
    count: queries.length,
    broken: judged.flatMap(({ query, was, now }) =>
      was.plan !== null && now.plan === null ? [{ ...query, why: now.why }] : []
    ),
    worse: judged.flatMap(({ query, was, now }) => {
      if (was.plan === null || now.plan === null) return [];
      const reasons = worseIn(was.plan, now.plan, large);
      return reasons.length === 0 ? [] : [{ ...query, reasons, ...shown(was.plan, now.plan) }];
    }),
    unjudged: judged.flatMap(({ query, was, now }) =>
      was.plan === null && now.plan === null ? [{ ...query, why: now.why }] : []
    ),
    added: judged.flatMap(({ query, was, now }) => was.plan === null && now.plan !== null ? [query] : []),
    remarks,
  };
}

function shown(before: QueryPlan, after: QueryPlan) {
  return { before: before.lines, after: after.lines };
}
