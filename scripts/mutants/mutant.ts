/** A change to the sources that could cost somebody data, and the tests that have to see it. */
export interface Mutant {
  /** Below `src/`. */
  readonly file: string;
  /** A text that stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** What would happen to whoever ran it. */
  readonly danger: string;
  /** Below `tests/`. */
  readonly tests: readonly string[];
  /** A pattern for the names of those tests that are enough; left out, all of them run. */
  readonly filter?: string;
  /** Whether the tests meet PostgreSQL. */
  readonly postgres?: boolean;
  /** Why no test can see it; one that lives without an explanation fails the run. */
  readonly explained?: string;
}
