/** Where a walk through the keys of a table begins, is and ends. */
export interface KeyWalk {
  readonly first: string | null;
  readonly last: string;
  readonly end: string | null;
}

/**
 * Returns how much of the way between two keys is done, from 0 to 1; `null` unless they are whole numbers. Counting
 * rows instead would read the whole table.
 */
export function keyShare({ first, last, end }: KeyWalk): number | null {
  const [from, at, to] = [first, last, end].map((key) => /^-?\d+$/.test(key ?? "") ? Number(key) : NaN);
  const share = (at! - from! + 1) / (to! - from! + 1);
  return Number.isNaN(share) ? null : Math.min(1, Math.max(0, share));
}
