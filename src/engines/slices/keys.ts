import { firstSliceSize, nextSliceSize, sliceMs } from "./size.ts";
import type { Database } from "../database.ts";
import type { SliceTurns } from "../inspector.ts";

/** What one slice came to. */
export interface Slice {
  /** Rows in it; fewer than asked for means that it was the last one. */
  readonly rows: number;
  /** The last row's key. */
  readonly last: unknown;
}

/** Where a slice begins and how long it is. */
export interface SliceBounds {
  /** The last key of the slice before; `undefined` for the first one. */
  readonly after: unknown;
  readonly limit: number;
}

/**
 * Reads a table from its first key to its last, in slices that are each a statement of its own and take about the same
 * short time, so that memory stays bounded and nobody waits long for the table.
 *
 * @throws what `pace` and `read` throw
 */
export async function readInSlices(
  database: Database,
  pace: SliceTurns,
  read: (bounds: SliceBounds) => Promise<Slice>,
): Promise<void> {
  const targetMs = database.readsBlockWriters() ? sliceMs.waiting : sliceMs.free;
  let after: unknown;
  for (let limit = firstSliceSize;;) {
    await pace.next();
    const started = performance.now();
    const { rows, last } = await read({ after, limit });
    if (rows < limit) return;
    after = last;
    limit = nextSliceSize(limit, performance.now() - started, targetMs);
  }
}
