import { keyOf } from "../../base/fold_name.ts";
import { formatDuration } from "../../base/quantity.ts";
import type { BesideWay, Staying } from "../../engines/beside.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { countRows, countWhere } from "../../state/count_rows.ts";

/** How a table is changed that others may be writing to. */
export interface TableWay {
  readonly revision: string;
  readonly table: string;
  readonly way: BesideWay | Staying["way"];
  /** For people. */
  readonly words: string;
}

const inOne = "in one transaction, and nobody writes meanwhile";
const stayWords: Readonly<Record<Staying["way"], string>> = {
  write: `its rows are changed, or put into another table, ${inOne}`,
  copy: `it is copied ${inOne}`,
  rewrite: `its rows are written anew without what goes, ${inOne}`,
  drop: `it goes with its rows ${inOne}`,
};

/** Returns how the tables are changed that SQLite cannot alter, and what of large ones stays in one transaction, with about how long that is. */
export async function waysIn({ database }: RunContext, ways: readonly Way[]): Promise<readonly TableWay[]> {
  const found: TableWay[] = [];
  const changed = new Map<string, number>();
  for (const { step: { revision: { id: revision } }, pieces } of ways) {
    for (const { beside, stays } of pieces) {
      if (beside !== null) {
        found.push({ revision, table: beside.table, way: beside.way, words: beside.words });
        changed.set(keyOf(beside.table, database.dialect), Infinity);
      }
      for (const each of stays) {
        const { table, way } = each;
        found.push({
          revision,
          table,
          way,
          words: `${stayWords[way]}${await timeText(database, each, changed)}`,
        });
      }
    }
  }
  return found;
}

/** From so many rows on it is said how long a transaction takes. */
const many = 10_000;

/** What a million files take on a quiet machine, in milliseconds. */
const msForMillion: Readonly<Record<Staying["way"], number>> = {
  write: 3_000,
  copy: 3_000,
  rewrite: 8_000,
  drop: 3_000,
};

/** What it takes to find those of a million rows that a condition means. */
const lookMsForMillion = 500;

/**
 * Says about how long a transaction takes that goes through a table, by its rows: nothing of a short one, or of a table that an earlier
 * step makes.
 *
 * @param changed How many rows of each table the plan has changed before: so many more may meet a condition then than do now
 */
async function timeText(
  database: RunContext["database"],
  { table, way, conditions = ["TRUE"] }: Staying,
  changed: Map<string, number>,
): Promise<string> {
  const [count] = await countRows(database, table) ?? [];
  if (count === undefined || count.rows < many) return "";
  const key = keyOf(table, database.dialect);
  const perRow = msForMillion[way] / 1_000_000;
  const looks = conditions.filter((condition) => condition !== "TRUE").length;
  let [ms, isMost] = [looks * count.rows * lookMsForMillion / 1_000_000, false];
  for (const condition of conditions) {
    const before = changed.get(key) ?? 0;
    const now = condition === "TRUE" ? count.rows : await countWhere(database, table, condition);
    isMost ||= condition !== "TRUE" && (now === null || before > 0);
    // Of more rows than were looked at those that an earlier statement changes may be any.
    const isAny = now === null || (before > 0 && count.isAtLeast);
    const rows = isAny ? count.rows : Math.min(count.rows, now + before);
    ms += rows * perRow;
    changed.set(key, before + rows);
  }
  if (ms < many * perRow) return "";
  if (!count.isAtLeast) return `: for ${isMost ? "up to" : "about"} ${formatDuration(ms)}`;
  return isMost
    ? `: for up to ${
      formatDuration(conditions.length * count.rows * perRow + looks * lookMsForMillion)
    } a million rows`
    : `: for more than ${formatDuration(ms)}`;
}

/** Whether it is one transaction for which it is said how long that is: of a small table nobody notices it. */
function isLong(way: TableWay["way"], words: string): boolean {
  return way in stayWords && words !== stayWords[way as Staying["way"]];
}

/** Returns which large tables keep everybody who writes waiting, and for how long. */
export async function waitsIn(context: RunContext, ways: readonly Way[]): Promise<readonly string[]> {
  const stays = new Set(ways.flatMap(({ pieces }) => pieces.flatMap((each) => each.stays)));
  const found = await waysIn(context, stays.size === 0 ? [] : ways);
  return found.flatMap(({ table, way, words }) => isLong(way, words) ? [`${table}: ${words}`] : []);
}
