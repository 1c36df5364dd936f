import { counted, formatBytes } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { KeptResult } from "../../migrate/kept/settle.ts";
import type { Loss } from "../../migrate/kept/rules/losses.ts";
import type { ReturnedResult } from "../../migrate/kept/put_back.ts";
import { plainTexts } from "../../migrate/rules/plain_texts.ts";
import type { PreparedPlan } from "../../migrate/migrate.ts";

/** Says what was put aside of one table. */
export function printKept({ report }: App, result: KeptResult): void {
  const { rows, bytes } = result;
  report.line(`           kept ${counted(rows, "row")} of ${nameOf(result)}: ${formatBytes(bytes)}`);
}

function nameOf({ kind, table, columns }: Pick<KeptResult, "kind" | "table" | "columns">): string {
  return kind === "table" ? table : `${table} (${columns.join(", ")})`;
}

/** Says what was put back of one table. */
export function printReturned({ report }: App, result: ReturnedResult): void {
  const { id, rows, deleted, left, reason } = result;
  const what = nameOf(result);
  const gone = deleted === 0 ? "" : `, forgot ${counted(deleted, "row")} deleted since`;
  report.line(`           put back ${counted(rows, "row")} of ${what}${gone}`);
  if (left > 0) report.note(`${counted(left, "row")} of ${what} stay kept in harbor_kept_${id}: ${reason}`);
}

/** What a plan puts aside, as far as its text tells: a table, with its columns where it is not the whole one. */
export async function keptBy(
  { database }: RunContext,
  { from, steps }: PreparedPlan,
  noKeep: boolean,
): Promise<readonly { readonly table: string; readonly columns: readonly string[] | null }[]> {
  if (noKeep || from === null) return [];
  const { lossesOf } = await import("../../migrate/kept/rules/losses.ts");
  const live = await database.introspect();
  const statements = steps.flatMap(({ script, resume }) =>
    plainTexts(script, [live]).slice(resume?.statementsDone ?? 0)
  );
  const losses = lossesOf(live, statements);
  return [...Map.groupBy(losses, ({ table }) => table.name)].map(([table, parts]) => ({
    table,
    columns: parts.some(({ kind }) => kind === "table") ? null : parts.flatMap((part) => namesOf(part)),
  }));
}

function namesOf(loss: Loss): readonly string[] {
  switch (loss.kind) {
    case "table":
      return [];
    case "columns":
      return loss.columns;
    case "changed":
      return loss.columns.map(({ name }) => name);
  }
}
