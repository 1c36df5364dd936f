import type { SQL } from "drizzle-orm";
import type { Snapshot } from "../../schema/snapshot.ts";

/** A column by its name now, and by the one that it had. */
export interface ComparedColumn {
  readonly name: string;
  readonly was: string;
}

/** A table whose rows are compared with what they were. */
export interface ComparedTable extends ComparedColumn {
  /** Its primary key of then, by which a row is known again. */
  readonly key: readonly ComparedColumn[];
  readonly columns: readonly ComparedColumn[];
}

/** What a database held at a moment, for comparing what it holds later. */
export interface HeldContents {
  /**
   * Returns the columns, by their names now, in which a row has another value than then; all of them where rows came or went.
   * `null` where a key does not tell its rows apart.
   *
   * @throws {HarborError} `interrupted`
   */
  changed(table: ComparedTable, signal: AbortSignal): Promise<readonly string[] | null>;
}

/** A database whose rows can be read, see `Database.read`. */
export interface Readable {
  read<Row>(statement: SQL): Promise<Row[]>;
}

/**
 * Holds what is in a database now, whose schema is given.
 *
 * @throws {HarborError} `interrupted`
 */
export type HoldContents = (
  database: Readable,
  schema: Snapshot,
  signal: AbortSignal,
) => Promise<HeldContents>;
