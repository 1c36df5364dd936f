import type { Client, Database } from "./database.ts";

/**
 * Runs work on a new, empty database that is gone afterwards.
 *
 * @param schemas Those beside the default one that the work looks at
 */
export type Scratch = <T>(
  work: (database: Database) => Promise<T>,
  schemas?: readonly string[],
) => Promise<T>;

/** What scratch databases are made with. */
export interface ScratchOptions {
  readonly client: Client;
  /** Is told of one that could not be dropped. */
  readonly onLeft?: (text: string) => void;
}
