import type { SQL } from "drizzle-orm";
import type { Database } from "../../src/engines/database.ts";

/** What stands in each batch that puts kept data back. */
export const returnWords = "CASE WHEN";

/**
 * Returns a database of a run that dies: it commits no batch with some words in it any more, from the one of that place on among
 * those, counted from 1.
 */
export function dyingAt(database: Database, words: string, place = 1): Database {
  let seen = 0;
  return {
    ...database,
    write: (batch, mode) => {
      const isMeant = batch.some((each) => says(each, words));
      return isMeant && ++seen >= place ? Promise.reject(new Error("killed")) : database.write(batch, mode);
    },
  };
}

/** Says whether some words stand in a statement itself, and not in a value that it writes: the ledger's have scripts in them. */
export function says({ queryChunks }: SQL, words: string): boolean {
  const text = JSON.stringify(
    queryChunks,
    (key, value: unknown) =>
      key !== "value" && Array.isArray(value) ? value.filter((each) => typeof each !== "string") : value,
  );
  return text.includes(words);
}
