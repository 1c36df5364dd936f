/** Which revisions are proven. Places count the revisions before. */
export interface ProofRange {
  readonly first: number;
  /** How many revisions of the history are released. */
  readonly released?: number;
}

/** So many revisions before the first that is proven are all begun at. */
const nearest = 8;

/**
 * Returns the places from which a proof goes to head in one go, in order: all from `first` on and the eight before it; of
 * the older ones those that lie twice as far back each time, and the earliest. The whole way is walked from each, so all of
 * them would take the square of the history's length.
 *
 * @param count How many revisions the history has
 */
export function startsOf({ first, released = 0 }: ProofRange, count: number): readonly number[] {
  const places = new Set([released]);
  // The step from the last one is proven by itself.
  for (let at = Math.max(released, first - nearest); at < count - 1; at++) places.add(at);
  for (let far = 2 * nearest; first - far > released; far *= 2) places.add(first - far);
  return [...places].toSorted((a, b) => a - b);
}
