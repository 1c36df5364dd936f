import type { BesideWay, Staying } from "../../engines/beside.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { type Earlier, earlierOf, timesOf } from "./wait_times.ts";

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
export async function waysIn(context: RunContext, ways: readonly Way[]): Promise<readonly TableWay[]> {
  const found: TableWay[] = [];
  const earlier: Earlier = new Map();
  for (const { step: { revision: { id: revision } }, pieces } of ways) {
    for (const { beside, stays } of pieces) {
      if (beside !== null) {
        found.push({ revision, table: beside.table, way: beside.way, words: beside.words });
        earlierOf(context, beside.table, earlier).any = Infinity;
      }
      const times = await timesOf(context, stays, earlier);
      found.push(...stays.map(({ table, way }, place) => ({
        revision,
        table,
        way,
        words: `${stayWords[way]}${times[place]}`,
      })));
    }
  }
  return found;
}

/** Whether it is one transaction for which it is said how long that is: of a small table nobody notices it. */
function isLong(way: TableWay["way"], words: string): boolean {
  return way in stayWords && words !== stayWords[way as Staying["way"]];
}

/** Returns which large tables keep everybody who writes waiting, and for how long. */
export function waitsAmong(ways: readonly TableWay[]): readonly string[] {
  return ways.flatMap(({ table, way, words }) => isLong(way, words) ? [`${table}: ${words}`] : []);
}
