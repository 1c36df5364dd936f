import type { ComparedTable, HeldContents } from "../engines/watch/held_contents.ts";
import type { Origins } from "../migrate/rules/origins.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { comparedTables } from "./rules/compared_tables.ts";
import type { Compared } from "./rules/forecast.ts";

/** What is compared. */
export interface Comparison {
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** Where what is there now comes from. */
  readonly origins: Origins;
}

/** Says where columns that no statement changes have other values, keys or rows than what was held. */
export async function compareContents(
  held: HeldContents,
  comparison: Comparison,
  signal: AbortSignal,
): Promise<Compared & { readonly losses: readonly string[] }> {
  const { tables, notCompared } = comparedTables(comparison);
  const losses: string[] = [];
  const compared: ComparedTable[] = [];
  const left = [...notCompared];
  for (const table of tables) {
    const changed = await held.changed(table, signal);
    if (changed === null) {
      left.push(table.name);
      continue;
    }
    compared.push(table);
    losses.push(...changed.map((column) => `${table.name}.${column} has other values than before`));
  }
  return {
    columns: compared.reduce((sum, { columns }) => sum + columns.length, 0),
    notCompared: left,
    losses,
  };
}
