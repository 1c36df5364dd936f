import { batchTimes, defaultMaxLagMs } from "../../engines/pace.ts";
import type { PaceOptions } from "../../migrate/paced/backfill_walk.ts";
import { count, number, type Option, type Values } from "../../cli/options.ts";

/** How fast backfills may be, for those who know better than harbor-db what their application bears. */
export const paceOptions = {
  batchTime: atLeastOne(
    "--batch-time <ms>",
    `how long a backfill's batch may keep its locks (SQLite ${batchTimes.wal} or ${batchTimes.journal}, servers ${batchTimes.server})`,
  ),
  maxRate: atLeastOne("--max-rate <rows>", "the most rows per second that a backfill changes"),
  maxLag: number(
    "--max-lag <seconds>",
    `how far replicas may be behind while a backfill goes on (${defaultMaxLagMs / 1_000})`,
    undefined,
  ),
};

function atLeastOne(flags: string, summary: string): Option<number | undefined> {
  const option = count(flags, summary);
  return {
    ...option,
    parse: (value) => option.parse(value) || refuse(),
  };
}

function refuse(): never {
  throw new Error("use a whole number from 1 on");
}

/** Returns what the options say of the pace. */
export function paceOf({ batchTime, maxRate, maxLag }: Values<typeof paceOptions>): PaceOptions {
  return { batchMs: batchTime, maxRate, maxLagMs: maxLag === undefined ? undefined : maxLag * 1_000 };
}
