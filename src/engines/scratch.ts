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

/** A scratch database, of which there can be copies. */
export interface CopiedScratch extends Scratch {
  /** What of the work so far was not run, since it is more than the database's own, as sentences. */
  readonly notRun: ReadonlySet<string>;
  /**
   * Makes something in a new database, then runs work with what makes copies of that, all there is in it: what several begin
   * with is made once.
   *
   * @param schemas Those beside the default one that is looked at meanwhile
   */
  after<Made, T>(
    make: (database: Database) => Promise<Made>,
    work: (copies: Scratch, made: Made) => Promise<T>,
    schemas?: readonly string[],
  ): Promise<T>;
}

/** What scratch databases are made with. */
export interface ScratchOptions {
  readonly client: Client;
  /** Is told of what could not be dropped. */
  readonly onLeft?: (text: string) => void;
}
