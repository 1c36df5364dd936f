/** What should be and what is; one of them may be absent. */
export type Pair<T> =
  | Whole<T>
  | readonly [expected: T, actual: undefined]
  | readonly [expected: undefined, actual: T];
export type Whole<T> = readonly [expected: T, actual: T];

/** Says whether neither side is absent. */
export function isWhole<T>(both: Pair<T>): both is Whole<T> {
  return both[0] !== undefined && both[1] !== undefined;
}

/** Returns the side that is there, the expected one of two. */
export function either<T>([expected, actual]: Pair<T>): T {
  return (expected ?? actual) as T;
}

/** Pairs what fits by the first test, then of the rest what fits by the next. */
export function pair<T>(
  expected: readonly T[],
  actual: readonly T[],
  ...tests: readonly ((expected: T, actual: T) => boolean)[]
): readonly Pair<T>[] {
  const rest = new Set(actual);
  const twins = new Map<T, T>();
  for (const test of tests) {
    for (const wanted of expected) {
      if (twins.has(wanted)) continue;
      for (const found of rest) {
        if (!test(wanted, found)) continue;
        twins.set(wanted, found);
        rest.delete(found);
        break;
      }
    }
  }
  return [
    ...expected.map((wanted) => [wanted, twins.get(wanted)] as Pair<T>),
    ...[...rest].map((found) => [undefined, found] as const),
  ];
}
