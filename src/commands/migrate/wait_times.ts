import { keyOf } from "../../base/fold_name.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import { formatDuration } from "../../base/quantity.ts";
import type { RowWrite, Staying } from "../../engines/beside.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { allRows, countRows, countWhere, type RowCount } from "../../state/count_rows.ts";

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

/** What a plan has done to the rows of tables before: so many more may meet a condition then than do now. */
export type Earlier = Map<string, {
  /** How many came. */
  added: number;
  /** How many may have other values in any column, those that came among them. */
  any: number;
  /** How many may have other values, by column. */
  readonly columns: Map<string, number>;
}>;

/** Returns what was done to a table before, to be added to. */
export function earlierOf({ database }: RunContext, table: string, earlier: Earlier) {
  const key = keyOf(table, database.dialect);
  const found = earlier.get(key) ?? { added: 0, any: 0, columns: new Map<string, number>() };
  earlier.set(key, found);
  return found;
}

/** What is counted of a table before, and what becomes of it as the statements are gone through. */
interface Waiting {
  readonly count: RowCount | undefined;
  readonly counts: ReadonlyMap<string, number>;
  readonly writes: readonly Pick<RowWrite, "at" | "condition" | "names" | "found" | "changes">[];
  ms: number;
  /** Whether it may be fewer rows. */
  isMost: boolean;
  /** Whether there are more rows than were looked at. */
  isPart: boolean;
}

/**
 * Says about how long a transaction takes that goes through tables, of each by its rows: nothing of a short one, or of a table that an
 * earlier step makes.
 *
 * @param earlier What the plan has done before; what these do is added
 */
export async function timesOf(
  context: RunContext,
  stays: readonly Staying[],
  earlier: Earlier,
): Promise<readonly string[]> {
  const waits: Waiting[] = [];
  for (const stay of stays) waits.push(await waitingFor(context, stay));
  const all = stays.flatMap(({ table, way }, place) =>
    waits[place]!.writes.map((write) => ({ table, way, wait: waits[place]!, write }))
  );
  // In the order in which they run, whatever their tables.
  for (const { table, way, wait, write } of all.toSorted((a, b) => a.write.at - b.write.at)) {
    const { count, counts } = wait;
    if (count === undefined) continue;
    const { condition, names, found, changes } = write;
    const before = earlierOf(context, table, earlier);
    const now = condition === allRows ? count.rows : counts.get(condition) ?? null;
    const changed = condition === allRows
      ? before.added
      : names.reduce((sum, name) => sum + (before.columns.get(name) ?? 0), before.any);
    wait.isMost ||= now === null || changed > 0;
    wait.isPart ||= count.isAtLeast && (found !== "key" || now === null || now >= count.rows);
    const most = count.rows + (count.isAtLeast ? 0 : before.added);
    const rows = Math.min(most, (now ?? most) + changed);
    wait.ms += rows * msForMillion[way] / 1_000_000;
    if (condition !== allRows && found !== "key") wait.ms += count.rows * lookMsForMillion / 1_000_000;
    if (changes === null) continue;
    const target = earlierOf(context, changes.table, earlier);
    if (changes.columns === null) {
      target.any += rows;
      if (way === "write") target.added += rows;
    } else {
      changes.columns.forEach((name) => target.columns.set(name, (target.columns.get(name) ?? 0) + rows));
    }
  }
  return waits.map((wait, place) => timeText(wait, stays[place]!));
}

async function waitingFor(context: RunContext, { table, way, writes }: Staying): Promise<Waiting> {
  stopIfAsked(context.signal);
  const [count] = await countRows(context.database, table) ?? [];
  const changes = way === "rewrite" ? null : { table, columns: null };
  return {
    count,
    counts: await countWhere(context, table, writes ?? []),
    writes: writes ?? [{ at: 0, condition: allRows, names: [], found: "look", changes }],
    ms: 0,
    isMost: false,
    isPart: false,
  };
}

function timeText({ count, ms, isMost, isPart }: Waiting, { way }: Staying): string {
  if (count === undefined || count.rows < many || ms < many * msForMillion[way] / 1_000_000) return "";
  if (isMost) return `: for up to ${formatDuration(ms)}${isPart ? " a million rows" : ""}`;
  return `: for ${isPart ? "more than" : "about"} ${formatDuration(ms)}`;
}
