import type { Database } from "./database.ts";

/**
 * Runs work on a new, empty database that is gone afterwards.
 *
 * @param schemas Those beside the default one that the work looks at
 */
export type Scratch = <T>(
  work: (database: Database) => Promise<T>,
  schemas?: readonly string[],
) => Promise<T>;
