import type { BesideChange } from "../../../beside.ts";
import type { BesidePlace } from "../../database.ts";
import type { Replica } from "../form/replica.ts";
import type { Found } from "../../rebuild/found.ts";

/**
 * A way to change a table beside its writers. It finds what it may be for, by the text alone, and says then what it would
 * do, or that it cannot. What it leaves when it is killed, it finds again when it is asked the next time.
 */
export interface Way {
  /** Returns what it may do from a statement on; `null` where that is nothing for it. */
  find(statements: readonly string[], at: number): Found | null;
  /** Returns what does the same as the statements, with the same result; `null` where only they do. */
  plan(given: Given): BesideChange | null;
}

/** What a {@link Way} decides by. */
export interface Given extends Found {
  readonly place: BesidePlace;
  /** The statements that were found. */
  readonly statements: readonly string[];
  /** The schema before them. */
  readonly before: Replica;
  /** The schema that they leave, which is what the change has to leave as well. */
  readonly after: Replica;
}
