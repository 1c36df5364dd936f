import { forgetKept, type Kept, readKept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";

/** What a step kept, as reported. */
export type KeptResult = Pick<Kept, "id" | "kind" | "table" | "rows" | "bytes"> & {
  readonly columns: readonly string[];
};

/** Returns what was kept, and takes away the side tables that got no row. */
export async function settleKept(
  { database }: RunContext,
  ids: readonly number[],
): Promise<readonly KeptResult[]> {
  if (ids.length === 0) return [];
  const own = (await readKept(database)).filter(({ id }) => ids.includes(id));
  const empty = own.filter(({ rows }) => rows === 0);
  await forgetKept(database, empty);
  return own.filter(({ rows }) => rows > 0).map(({ id, kind, table, columns, rows, bytes }) => ({
    id,
    kind,
    table,
    columns: columns.map(({ name }) => name),
    rows,
    bytes,
  }));
}
