import type { Database } from "./database.ts";

/** Runs work on a new, empty database that is gone afterwards. */
export type Scratch = <T>(work: (database: Database) => Promise<T>) => Promise<T>;
