import type { Snapshot, Table } from "../snapshot.ts";

/** Returns the live tables that the target has too, with the target's form of each. */
export function sharedTables(
  { live, target }: { readonly live: Snapshot; readonly target: Snapshot },
): readonly (readonly [live: Table, target: Table])[] {
  return live.tables.flatMap((table) => {
    const wanted = target.tables.find(({ name }) => name === table.name);
    return wanted === undefined ? [] : [[table, wanted] as const];
  });
}
