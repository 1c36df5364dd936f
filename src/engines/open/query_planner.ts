import type { Dialect } from "../../base/dialect.ts";
import type { QueryPlanner } from "../plans/query_planner.ts";

/** Returns what asks the engines of a dialect for plans. */
export async function loadQueryPlanner(dialect: Dialect): Promise<QueryPlanner> {
  switch (dialect) {
    case "sqlite":
      return (await import("../sqlite/plans/planner.ts")).sqlitePlanner;
    case "postgresql":
      return (await import("../postgres/plans/planner.ts")).postgresPlanner;
  }
}
