/**
 * How long one slice of a table should take, in milliseconds: so long may it keep a writer of a SQLite file waiting, and where nobody
 * waits for a reader, so late is a signal heard. What each slice costs by itself is a tenth of a short one.
 */
export const sliceMs = { waiting: 20, free: 100 };

/**
 * So many rows are quick on any machine. It is never less, since a slice that took long may only have waited for others:
 * beside a busy writer slices would shrink to nothing, and the whole would take for ever.
 */
const smallest = 2_000;
const largest = 50_000;

/** With how many rows a table's first slice is read. */
export const firstSliceSize = smallest;

/**
 * Returns how many rows the next slice should have, from how long the last one took and should. It grows at most twofold, so
 * that one quick answer does not make the next slice a long one, and shrinks as far as it must.
 */
export function nextSliceSize(rows: number, ms: number, targetMs: number): number {
  const wanted = Math.floor(rows * Math.min(2, targetMs / Math.max(ms, 0.1)));
  return Math.min(largest, Math.max(smallest, wanted));
}
