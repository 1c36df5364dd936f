import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { formatDuration } from "../../base/quantity.ts";
import type { BesideWay, Staying } from "../../engines/beside.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable, userStatement } from "../../engines/statement_names.ts";
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
      for (const each of stays) {
        const { table, way } = each;
        found.push({ revision, table, way, words: `${stayWords[way]}${await timeText(database, each)}` });
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

/** Says about how long a transaction takes that goes through a table, by its rows: nothing of a short one, or of a table that an earlier step makes. */
async function timeText(
  database: RunContext["database"],
  { table, way, conditions = ["TRUE"] }: Staying,
): Promise<string> {
  const [count] = await countRows(database, table) ?? [];
  if (count === undefined || count.rows < many) return "";
  let [ms, isMost] = [0, false];
  for (const condition of conditions) {
    const isAll = condition === "TRUE";
    if (!isAll) ms += count.rows * lookMsForMillion / 1_000_000;
    // Of a larger table nobody waits for the count.
    const found = isAll ? count.rows : count.isAtLeast ? 0 : await countWhere(database, table, condition);
    isMost ||= found === null;
    ms += (found ?? count.rows) * msForMillion[way] / 1_000_000;
  }
  if (ms < many * msForMillion[way] / 1_000_000) return "";
  return `: for ${count.isAtLeast ? "more than" : isMost ? "up to" : "about"} ${formatDuration(ms)}`;
}

/** Returns how many rows a script's condition means now; `null` where it asks for other rows, or for what is not there yet. */
async function countWhere(
  database: RunContext["database"],
  table: string,
  condition: string,
): Promise<number | null> {
  if (/\bSELECT\b/i.test(condition)) return null;
  try {
    const [row] = await database.read<{ readonly n: number | bigint }>(
      userStatement(sql`SELECT count(*) AS n FROM ${ownTable(table)} WHERE ${sql.raw(condition)}`),
    );
    return Number(row!.n);
  } catch (error) {
    if (error instanceof HarborError && error.code !== "connection_failed") return null;
    throw error;
  }
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
