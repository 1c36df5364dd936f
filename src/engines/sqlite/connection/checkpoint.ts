import { own, type SqliteStatement } from "./statement.ts";

/** How far the WAL is brought into the database. */
export interface Checkpointed {
  /** Whether somebody was in the way. */
  readonly isBusy: boolean;
  /** How many pages the WAL has since it last began from its start; -1 without one. */
  readonly pages: number;
  /** How many of these are in the database. */
  readonly done: number;
}

/** Runs a statement of the driver's own. */
export type AskRows = <Row>(statement: SqliteStatement) => readonly Row[];

/**
 * How often it is tried to bring in the last page too. Beside a writer every 5 ms each time is as likely to miss what is
 * committed meanwhile as not.
 */
const mostTurns = 4;

/**
 * Brings the WAL's pages into the database, so that no commit of the application has to.
 *
 * Not until the last page is in does SQLite wait for the database to be on the disk, and lets the WAL begin again. Whoever
 * brings in the last one, be it the only one that is left, so waits for all that others brought in before, and a commit does
 * that as soon as the WAL has a thousand pages. PASSIVE waits for nobody and lets writers write meanwhile:
 * https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 *
 * @returns How far it is then
 */
export function bringIn(rows: AskRows): Checkpointed {
  for (let turn = 1;; turn++) {
    // It tells of what there was when it began.
    const then = checkpoint(rows, "PASSIVE");
    const now = checkpoint(rows, "NOOP");
    const isWhole = now.done >= now.pages || now.pages < then.pages;
    if (isWhole || turn >= mostTurns) return now;
  }
}

/** Runs one checkpoint; `NOOP` only tells how far it is. */
export function checkpoint(rows: AskRows, mode: "NOOP" | "PASSIVE" | "RESTART"): Checkpointed {
  // It writes, so that a full disk stops it as it stops a statement.
  const [row] = rows<Readonly<Record<string, unknown>>>(own(`PRAGMA wal_checkpoint(${mode})`));
  return {
    isBusy: Number(row?.["busy"]) !== 0,
    pages: Number(row?.["log"]),
    done: Number(row?.["checkpointed"]),
  };
}
