import { formatDuration } from "../../base/quantity.ts";
import type { BesideWay, Staying } from "../../engines/beside.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { countRows } from "../../state/count_rows.ts";

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
  for (const { step: { revision: { id: revision } }, pieces } of ways) {
    for (const { beside, stays } of pieces) {
      if (beside !== null) {
        found.push({ revision, table: beside.table, way: beside.way, words: beside.words });
      }
      for (const { table, way } of stays) {
        found.push({
          revision,
          table,
          way,
          words: `${stayWords[way]}${await timeText(database, { table, way })}`,
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

/** Says about how long a transaction takes that goes through a table, by its rows: nothing of a small one, or one that an earlier step makes. */
async function timeText(
  database: RunContext["database"],
  { table, way }: Pick<Staying, "table" | "way">,
): Promise<string> {
  const [count] = await countRows(database, table) ?? [];
  if (count === undefined || count.rows < many) return "";
  const time = formatDuration(count.rows * msForMillion[way] / 1_000_000);
  return count.isAtLeast ? `: for more than ${time}` : `: for about ${time}`;
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
