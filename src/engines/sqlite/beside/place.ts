import type { Pace } from "../../database.ts";
import type { SqliteStatement } from "../statement.ts";

/** Reads in a transaction. */
export type ReadInside = <Row>(statement: SqliteStatement) => Row[];

/** The database in which something is changed beside writers. */
export interface BesidePlace {
  /** From how many rows on a table is large. */
  readonly largeRows: number;
  read<Row>(statement: SqliteStatement): Promise<Row[]>;
  pace(): Promise<Pace>;
  /**
   * Runs a transaction whose statements may change `sqlite_schema`. Within the lock's fence.
   *
   * @param verify Called before COMMIT; what it throws rolls back
   */
  changeSchema(
    statements: readonly SqliteStatement[],
    verify: (read: ReadInside) => void,
  ): Promise<number[]>;
}
