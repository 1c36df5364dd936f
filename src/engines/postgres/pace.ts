import { batchTimes, type Load } from "../pace.ts";
import { markedTable } from "../../sql/own/schema.ts";
import type { Pace } from "../database.ts";
import { inPlace, type Place } from "./catalogs/place.ts";
import type { Statement } from "./session/statement.ts";
import type { PostgresBatchTimes } from "./write.ts";

/** What {@link postgresPace} needs. */
export interface PaceSetting {
  readonly place: Place;
  /** Tells how the last batch went. */
  readonly lastBatch: () => PostgresBatchTimes;
  /** Reads one row. */
  readonly read: <Row>(statement: Statement) => Promise<Row | undefined>;
}

/** How often the server is asked for its load, in milliseconds: some of what it tells is no fresher than this. */
const everyMs = 500;

/** How many dead rows to a live one are as much as is bearable. A table that is updated whole comes to 1. */
const bearableDead = 1;

/** The most that dead rows make of a backlog: without autovacuum they never get fewer, so nobody waits for it. */
const mostOfDead = 0.9;

interface LoadRow {
  readonly waiting: number;
  readonly lag: number;
  readonly dead: number;
}

/**
 * Returns the pace for a table. Readers wait for no batch, and writers only for one that changes the same row.
 *
 * How far replicas are behind is shown to superusers and members of `pg_monitor` only; others go on without it.
 */
export function postgresPace(
  table: string,
  { place, lastBatch, read }: PaceSetting,
): Omit<Pace, "pause"> {
  let known: Omit<Load, keyof PostgresBatchTimes> = { waiting: 0, lagMs: 0, backlog: 0, backlogReason: "" };
  let askedAt = -Infinity;
  const name = inPlace(markedTable(table), place);
  return {
    batchMs: batchTimes.server,
    rest: 0.25,
    async relax() {
      if (performance.now() - askedAt > everyMs) {
        const row = await read<LoadRow>({ text: question, parameters: [name] });
        askedAt = performance.now();
        const { waiting = 0, lag = 0, dead = 0 } = row ?? {};
        known = {
          waiting,
          lagMs: lag,
          backlog: Math.min(mostOfDead, dead / bearableDead),
          backlogReason: "",
        };
      }
      return { ...known, ...lastBatch() };
    },
  };
}

// Few rows are not worth a vacuum, as autovacuum_vacuum_threshold has it.
const question = "SELECT (SELECT count(*)::int FROM pg_locks WHERE NOT granted) AS waiting, " +
  "coalesce((SELECT max(extract(epoch FROM replay_lag)) * 1000 FROM pg_stat_replication), 0)::float8 AS lag, " +
  "coalesce((SELECT n_dead_tup / (n_live_tup + 10000.0) FROM pg_stat_all_tables WHERE relid = to_regclass($1)), 0)" +
  "::float8 AS dead";
