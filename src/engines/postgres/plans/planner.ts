import { sql } from "drizzle-orm";
import { withPlaces } from "../../../sql/placeholders.ts";
import type { Database } from "../../database.ts";
import { planEach } from "../../plans/plan_each.ts";
import type { QueryPlan, QueryPlanner } from "../../plans/query_planner.ts";
import { userStatement } from "../../statement_names.ts";
import { readPlan } from "./plan_tree.ts";
import { readSeen } from "./seen_queries.ts";

/**
 * Asks PostgreSQL for the generic plan, the one for values that are not known, by a prepared statement, which is explained and
 * never executed. All of it in transactions that only read. `EXPLAIN (GENERIC_PLAN)` of version 16 gives the same plan and takes
 * no places over the extended protocol, on which no text runs that holds several statements.
 */
export const postgresPlanner: QueryPlanner = {
  // Of a table that was written anew, no page counts as visible to all until a VACUUM, without which what reads an index alone looks
  // dearer than it soon will be.
  refresh: async (database) => {
    await database.write([sql`VACUUM (ANALYZE)`], "alone");
  },
  async plan(database, asked) {
    await forceGenericPlans(database);
    const earlier = await limitTo(database, patienceMs);
    try {
      return await planEach({ ...asked, dialect: "postgresql" }, (query) => explain(database, query));
    } finally {
      await limitTo(database, earlier);
    }
  },
  record: { name: "pg_stat_statements", read: readSeen },
};

/** The planner calls functions that are IMMUTABLE, and one may never return. A plan takes milliseconds. */
const patienceMs = 10_000;

/** Says after how many milliseconds the server breaks a statement off. @returns What held before, in its own words */
async function limitTo(database: Database, limit: number | string): Promise<string> {
  const [row] = await database.read<{ earlier: string }>(
    sql`SELECT current_setting('statement_timeout') AS earlier, set_config('statement_timeout', ${
      String(limit)
    }, false)`,
  );
  return row?.earlier ?? "0";
}

async function explain(database: Database, query: string): Promise<QueryPlan> {
  const { text, count } = withPlaces(query, "postgresql");
  const run = <Row>(text: string) => database.read<Row>(userStatement(sql.raw(text)));
  await run(`PREPARE harbor_query AS ${text}`);
  try {
    const values = count === 0 ? "" : `(${Array<string>(count).fill("NULL").join(", ")})`;
    const [row] = await run<{ "QUERY PLAN": unknown }>(`EXPLAIN (FORMAT JSON) EXECUTE harbor_query${values}`);
    return readPlan(row?.["QUERY PLAN"]);
  } finally {
    await run("DEALLOCATE harbor_query");
  }
}

/** Before version 12 there is no such setting, and the plan is one for NULLs. */
async function forceGenericPlans(database: Database): Promise<void> {
  await database.read(
    sql`SELECT set_config(name, 'force_generic_plan', false) FROM pg_settings WHERE name = 'plan_cache_mode'`,
  );
}
