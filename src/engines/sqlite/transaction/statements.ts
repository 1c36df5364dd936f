import type { DatabaseSync } from "node:sqlite";
import { HarborError } from "../../../base/errors.ts";
import type { FailurePlace } from "../connection/errors.ts";
import { prepare, resultCode } from "../connection/open_file.ts";
import { own, plainRow, type SqliteStatement, verbOf } from "../connection/statement.ts";
import { withTexts } from "../rebuild/copied_names.ts";
import { type Step, stepFailure } from "./transaction.ts";

/** Runs statements on an open file, one by one. */
export interface Statements {
  readonly handle: DatabaseSync;
  rows<Row>(statement: SqliteStatement): Row[];
  /** Returns how many rows a step changed. */
  change(step: Step): number;
}

/**
 * Returns what runs statements on an open file.
 *
 * @param place What errors name
 */
export function openStatements(handle: DatabaseSync, place: Pick<FailurePlace, "url" | "path">): Statements {
  function attempt<T>(step: Step, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof HarborError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw stepFailure(place, step, { message, result: resultCode(error), cause: error });
    }
  }
  return {
    handle,
    rows: <Row>({ text, values }: SqliteStatement) =>
      attempt(
        { text, values, index: null },
        () => prepare(handle, text).all(...values).map((row) => plainRow<Row>(row)),
      ),
    change: (step) =>
      attempt(step, () => {
        const changes = runStep(handle, step);
        return changesRows(step.text) ? changes : 0;
      }),
  };
}

/** Runs a step as it is written; a copy of no rows whose names are no columns (see {@link withTexts}), with texts for them. */
function runStep(handle: DatabaseSync, { text, values, index }: Step): number {
  try {
    return Number(prepare(handle, text).run(...values).changes);
  } catch (error) {
    const copy = typeof index === "number" && handle.isTransaction && error instanceof Error
      ? withTexts(text, error.message)
      : null;
    if (copy === null || prepare(handle, copy).run().changes > 0) throw error;
    return 0;
  }
}

/** Asks for rows in one transaction, so that all are of one moment. */
export function readTogether({ rows }: Statements, queries: readonly string[]): readonly unknown[][] {
  rows(own("BEGIN"));
  try {
    return queries.map((text) => rows(own(text)));
  } finally {
    rows(own("COMMIT"));
  }
}

/** Whether a statement has a number of changed rows: after any other the engine still tells the last one's. */
function changesRows(text: string): boolean {
  const verb = verbOf(text);
  return /^(INSERT|UPDATE|DELETE|REPLACE)$/.test(verb) ||
    (verb === "WITH" && /\b(INSERT|UPDATE|DELETE|REPLACE)\b/i.test(text));
}
