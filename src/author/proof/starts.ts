/** Which revisions are proven. Places count the revisions before. */
export interface ProofRange {
  readonly first: number;
  /** How many revisions of the history are released. */
  readonly released?: number;
  /** Whether there is no way back from some of them: then all go up, in one go, on tables with rows in them. */
  readonly isUpOnly?: boolean;
}

/** So many revisions before the first that is proven are all begun at. */
const nearest = 8;

/**
 * Returns the places from which a proof goes to head in one go and back, in order: all from `first` on, and the eight before
 * it. The whole way is walked from each, so all of a long history would take the square of its length.
 *
 * @param count How many revisions the history has
 */
export function startsOf({ first, released = 0 }: ProofRange, count: number): readonly number[] {
  const from = Math.max(released, first - nearest);
  // The step from the last one is proven by itself.
  return Array.from({ length: Math.max(count - 1 - from, 0) }, (_, at) => from + at);
}
