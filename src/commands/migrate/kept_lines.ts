import { counted, formatBytes } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { KeptResult } from "../../migrate/kept/keeper.ts";
import type { ReturnedResult } from "../../migrate/kept/settle_return.ts";
import type { PreparedPlan } from "../../migrate/prepare_plan.ts";
import type { Way } from "../../migrate/steps/run_beside.ts";
import { countRows } from "../../state/count_rows.ts";

/** Says what was put aside of one table. */
export function printKept({ report }: App, result: KeptResult): void {
  const { rows, bytes } = result;
  report.line(`           kept ${counted(rows, "row")} of ${nameOf(result)}: ${formatBytes(bytes)}`);
}

function nameOf({ kind, table, columns }: Pick<KeptResult, "kind" | "table" | "columns">): string {
  return kind === "table" ? table : `${table} (${columns.join(", ")})`;
}

/**
 * Says what was put back of one table.
 *
 * @param way What can be done about the rest; `null` where just that was done
 */
export function printReturned(
  { report }: App,
  result: ReturnedResult,
  way: string | null = "What can be done: harbor-db kept list",
): void {
  const { id, rows, deleted, missing, left, reason } = result;
  const what = nameOf(result);
  const gone = deleted === 0 ? "" : `, forgot ${counted(deleted, "row")} deleted since`;
  report.line(`           put back ${counted(rows, "row")} of ${what}${gone}`);
  if (missing > 0) {
    report.note(
      `${
        counted(missing, "row")
      } of ${what} did not come back: on record as kept, and not in harbor_kept_${id}`,
    );
  }
  if (left > 0) {
    const stays = left === 1 ? "stays" : "stay";
    const more = way === null ? "" : `. ${report.remedy(way)}`;
    report.note(`${counted(left, "row")} of ${what} ${stays} kept in harbor_kept_${id}: ${reason}${more}`);
  }
}

/** Says which NULLs a plan fills beside writers, where nothing notes which they were; of a table that can be counted, only those that are there. */
export async function filledForGood(
  { database }: RunContext,
  ways: readonly Way[],
): Promise<readonly string[]> {
  const changes = ways.flatMap(({ pieces }) => pieces.flatMap(({ beside }) => beside ?? []));
  const texts = await Promise.all(changes.map(async ({ table, fills = [] }) => {
    if (fills.length === 0) return [];
    const found = await countRows(database, table, fills.map(({ column }) => column));
    return fills.flatMap(({ column, value }, place) => {
      const [all, some] = [found?.[0], found?.[place + 1]];
      const nulls = all === undefined || some === undefined || all.isAtLeast ? null : all.rows - some.rows;
      if (nulls === 0) return [];
      const what = nulls === null ? "NULLs, if there are any," : counted(nulls, "NULL");
      return [
        `${what} of ${table}.${column} for good: which rows they were in is not kept; they become ${value}`,
      ];
    });
  }));
  return texts.flat();
}

/** Says which values a plan makes others of, where nothing keeps what they were; of a table that can be counted, only those that are there. */
export async function changedForGood(
  { database }: RunContext,
  { steps }: Pick<PreparedPlan, "steps">,
): Promise<readonly string[]> {
  const { lossesOfPlan } = await import("../../migrate/losses_of_plan.ts");
  const losses = await lossesOfPlan(database, steps, await database.introspect());
  const texts = await Promise.all(losses.map(async (loss) => {
    if (loss.kind !== "changed") return [];
    const { table: { name: table } } = loss;
    const names = loss.columns.filter(({ change }) => change === "changed").map(({ name }) => name);
    const [, ...found] = await countRows(database, table, names) ?? [];
    return names.flatMap((name, place) => {
      const count = found[place];
      if (count?.rows === 0 && !count.isAtLeast) return [];
      const what = count === undefined || count.isAtLeast
        ? "values"
        : `up to ${counted(count.rows, "value")}`;
      return [
        `${what} of ${table}.${name} for good: the scripts make others of them, and what they were is not kept`,
      ];
    });
  }));
  return texts.flat();
}

/** What a plan puts aside, as far as its text tells: a table, with its columns where it is not the whole one. */
export async function keptBy(
  { database }: RunContext,
  { from, steps }: PreparedPlan,
  noKeep: boolean,
): Promise<readonly { readonly table: string; readonly columns: readonly string[] | null }[]> {
  if (noKeep || from === null) return [];
  const { columnsGone } = await import("../../migrate/kept/rules/losses.ts");
  const { lossesOfPlan } = await import("../../migrate/losses_of_plan.ts");
  const losses = await lossesOfPlan(database, steps, await database.introspect());
  return [...Map.groupBy(losses, ({ table }) => table.name)].map(([table, parts]) => ({
    table,
    columns: parts.some(({ kind }) => kind === "table") ? null : parts.flatMap(columnsGone),
  }));
}
