/** Whether two texts are the same expression. */
export type SameExpression = (a: string, b: string) => boolean;

/** Returns `actual` as `expected` spells it when both are the same expression. */
export function respell<T extends string | null>(expected: T, actual: T, same: SameExpression): T {
  return expected !== null && actual !== null && same(expected, actual) ? expected : actual;
}
