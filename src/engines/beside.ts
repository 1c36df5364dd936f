import type { SQL } from "drizzle-orm";
import type { Backfill } from "../history/scripts/statement.ts";

/**
 * How a part of a script runs beside those who write to its table:
 * - `definition`: the table's text changes in the schema, no row moves.
 * - `index`: an index is built of a copy of its keys, and moved under the table.
 * - `shadow`: a copy of the table is kept in step, and takes its place.
 */
export type BesideWay = "definition" | "index" | "shadow";

/** Statements of a script that follow one another and commit together. */
export interface Piece {
  /** How many they are. */
  readonly count: number;
  /** `null`: in one transaction, as the script has them. */
  readonly beside: BesideChange | null;
}

/**
 * What becomes of the rows of a table in one transaction, in which nobody else writes: `copy` of a table of any size, which another takes the place of; of a
 * large one `rewrite`, since columns go, `drop`, and `write`: an UPDATE or DELETE looks through it, or its rows are put into another.
 */
export interface Staying {
  readonly table: string;
  readonly way: "copy" | "rewrite" | "drop" | "write";
  /** Of `write`: what the statements do. */
  readonly writes?: readonly RowWrite[];
}

/** What a statement does with some rows of its table. */
export interface RowWrite {
  /** Which statement of the transaction it is. */
  readonly at: number;
  /** On the rows, as the statement says it; `TRUE` for all. */
  readonly condition: string;
  /** The columns that the condition names, as `keyOf` has them; other words may be among them. */
  readonly names: readonly string[];
  /**
   * How the rows are found: by a `key` or an index, or in a `look` at each one; `null` where the condition asks for other rows, or for
   * what is not there yet.
   */
  readonly found: "key" | "look" | null;
  /** Where so many rows get other values: in columns, as `keyOf` has them, or come as new ones (`null`). `null` of those that go. */
  readonly changes: { readonly table: string; readonly columns: readonly string[] | null } | null;
}

/** A part of a script that an engine does in a way of its own, with the same result. */
export interface BesideChange {
  readonly way: BesideWay;
  readonly table: string;
  /** What is done, for people: `its definition changes: no row is copied`. */
  readonly words: string;
  /** The columns whose NULLs become a value, an SQL expression. Left out: none. */
  readonly fills?: readonly { readonly column: string; readonly value: string }[];
  /**
   * Set where it can hand over the table as it was, see {@link BesideTask.handOver}: the columns that there are afterwards, by their
   * names in lower case, of which it can tell what they make of a row's values, each with its affinity.
   */
  readonly handsOver?: ReadonlyMap<string, string> | null;
  /** Returns what {@link BesideChange.run} runs, batches of rows as the whole statement that they add up to. */
  batches(record: readonly SQL[]): readonly BesideBatch[];
  /**
   * Does it. Whatever it leaves when it is killed or fails lets the application go on, and is taken up by the next cut of
   * the same statements: nothing has to be remembered beside what is in the database. `record` commits in the
   * transaction after which the database has the new schema, so that it is done or not done, and never half on record.
   *
   * @throws {HarborError} `statement_failed` when the rows do not fit, as the script's own statements would; `interrupted`;
   * `busy` when others keep changing the schema meanwhile
   */
  run(task: BesideTask): Promise<void>;
}

/** A part of a change that commits on its own. */
export interface BesideBatch {
  readonly statements: readonly SQL[];
  /** As a `WriteMode`. */
  readonly mode: "rows" | "schema";
}

/** What a change beside writers gets of the run that it is a part of. */
export interface BesideTask {
  /** As that of the `Database` for which it was cut. */
  readonly write: (batch: readonly SQL[]) => Promise<number[]>;
  /** What says in the version table how far the script has come when the change is done. */
  readonly record: readonly SQL[];
  readonly signal: AbortSignal;
  /** Tells the user what is being done, until it ends or another thing is done. */
  readonly doing: (text: string) => void;
  /** Writes the rows that are wanted, in batches at the pace that the user and the database allow. */
  readonly fill: (fill: Backfill) => Promise<void>;
  /**
   * Where the change hands the table over as it was instead of taking it away: in the transaction in which the new one takes its
   * place it gets another name, whose rows have {@link handedKey} for a key, and nobody but harbor-db goes near it any more.
   */
  readonly handOver?: HandOver | null;
  /** Where it is noted which NULLs the change fills, whoever writes to their rows; left out: nowhere. */
  readonly notes?: readonly FillNotes[];
}

/** A table that gets a row for each NULL of a column that a change fills. */
export interface FillNotes {
  readonly column: string;
  readonly table: string;
  /** What it has of the row, before the column is filled. */
  readonly copied: readonly string[];
  /** The column of the table that gets the value which the NULL becomes. */
  readonly became: string;
}

/** What a table is called that is handed over, and what commits with that. */
export interface HandOver {
  readonly name: string;
  readonly statements: readonly SQL[];
  /** What is told of it besides: what values were, and what becomes of them. */
  readonly results: readonly HandedResult[];
}

/** What becomes of a value of a table that was handed over. */
export interface HandedResult {
  /** The column that had it. */
  readonly origin: string;
  /** The column that has what became of it. */
  readonly column: string;
  /** What the column is called in the table that was handed over. */
  readonly was: string;
  /** The column beside it that says what becomes of it, as it is before the new column's affinity. */
  readonly became: string;
}

/** What numbers the rows of a table that was handed over. */
export const handedKey = "rowid";

/** A script to cut. */
export interface ScriptToCut {
  /** What runs before it and has not run yet. Left out: nothing. */
  readonly earlier?: readonly SQL[];
  readonly statements: readonly SQL[];
}

/**
 * An engine that can change large tables while others write to them. The runner asks it for every script that would be
 * one transaction, runs the first piece, and asks again for what is left: what a piece is depends on what is there then.
 */
export interface BesideWriters {
  /** Cuts a script into pieces, which hold all of its statements. Reads only. A script of small tables is one piece. */
  cut(script: ScriptToCut): Promise<readonly Piece[]>;
  /** Says of statements that are one transaction which tables' rows they write anew or take away. Reads only. */
  staying(statements: readonly SQL[]): Promise<readonly Staying[]>;
  /**
   * Takes away what changes left that were interrupted, or done and not yet tidied up after, but for those of statements
   * that are still to come. In batches, under the lock.
   *
   * @param keep The statements to come; without any, no trace of a change stays
   */
  clear(keep: readonly SQL[], task: Pick<BesideTask, "signal" | "doing">): Promise<void>;
}

/** A table of ours that gets the keys of rows which others change in another one. */
export interface Notes {
  /** What it is called, and everything else that it takes. */
  readonly name: string;
  /** The table that others write to. */
  readonly table: string;
  /** The columns by which its rows are known. */
  readonly keys: readonly string[];
}

/** The column that says of a note that somebody is about to act on it. */
export const takenColumn = "harbor_taken";

/** An engine's way to note which rows of a table others change, so that a copy of them can be kept in step. */
export interface ChangeNotes {
  /** Whether the changes of a table's rows can be noted, and there are so many rows that it is worth that. Reads only. */
  isFor(notes: Pick<Notes, "table" | "keys">): Promise<boolean>;
  /**
   * Returns what begins it: every change that commits later leaves the keys that the row had before and has after it; one that
   * takes all rows away leaves a note without keys.
   *
   * @param withdraw Returns what keeps a new table from others
   */
  begin(notes: Notes, withdraw: (table: string) => readonly SQL[]): readonly SQL[];
  /** Returns what marks some of the notes as taken; all, when `count` is `null`. Only these say what has committed by then. */
  take(name: string, count: number | null): SQL;
  /** Returns what ends it, and forgets what was noted, as far as it is there. */
  end(name: string): readonly SQL[];
}
