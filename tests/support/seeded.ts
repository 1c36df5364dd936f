/** Random choices that are the same in every run: a test that fails does so again. */
export interface Seeded {
  /** Returns a whole number from 0 up to, and without, `limit`. */
  below(limit: number): number;
  /** Returns one of a list. */
  oneOf<T>(list: readonly T[]): T;
  /** Returns up to `most` of what `make` makes. */
  some<T>(most: number, make: () => T): readonly T[];
}

/** Makes random choices from a seed. */
export function seeded(seed: number): Seeded {
  let state = seed;
  // Mulberry32: 32 bits of state, even over short runs.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    oneOf: (list) => list[below(list.length)]!,
    some: (most, make) => Array.from({ length: below(most + 1) }, make),
  };
}
