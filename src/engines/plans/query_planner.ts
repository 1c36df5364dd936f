import type { Database } from "../database.ts";

/** How a query gets at the rows of a table. */
export interface Access {
  readonly table: string;
  /** By which index; `null` without one. */
  readonly index: string | null;
  /** Whether it reads all of the table, or all of the index, from one end to the other. */
  readonly isScan: boolean;
}

/** How the engine would run a query whose values it does not know. */
export interface QueryPlan {
  /** For people, indented as the steps depend on each other. */
  readonly lines: readonly string[];
  readonly accesses: readonly Access[];
  /** What the engine estimates that it costs, in its own unit; `null` where it tells no estimate. */
  readonly cost: number | null;
}

/** What came of asking for a plan. */
export type Planned =
  | { readonly plan: QueryPlan; readonly why: null }
  /** `why` has the engine's words. */
  | { readonly plan: null; readonly why: string };

/** A query that the server has seen. */
export interface SeenQuery {
  /** By which it is found again: `queryid 4711`. */
  readonly place: string;
  readonly sql: string;
}

/** What a server keeps of the queries that it ran. */
export interface SeenQueries {
  readonly queries: readonly SeenQuery[];
  /** What is not among them and why, as sentences. */
  readonly remarks: readonly string[];
}

/** The queries whose plans are asked for. */
export interface Asked {
  /** Values stand in them as the application's driver writes them. */
  readonly queries: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Asks the engine for plans, one file an engine. No query is run. */
export interface QueryPlanner {
  /** Lets the planner know what is in the tables now, where it goes by that and does not look by itself. */
  refresh(database: Database): Promise<void>;
  /**
   * Returns the plan of each query, or why there is none.
   *
   * @throws {HarborError} `interrupted`; `connection_failed` and the like, which say nothing of a query
   */
  plan(database: Database, asked: Asked): Promise<readonly Planned[]>;
  /** The server's own record of queries, where it has one. */
  readonly record: {
    /** What the user calls it. */
    readonly name: string;
    /** @throws {HarborError} `bad_config` when it is not there, or may not be read */
    read(database: Database): Promise<SeenQueries>;
  } | null;
}
