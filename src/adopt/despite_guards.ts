import { HarborError, isStop } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { guardedTable } from "./rules/bridge_statement.ts";

/**
 * Runs what a bridge does, and says what a guard of it found.
 *
 * @param isWhole Whether all of it is one transaction, so that nothing of it stays
 * @throws {HarborError} `data_conflict` when a value would not be the same afterwards; what the database says otherwise
 */
export async function despiteGuards<T>(
  { database }: RunContext,
  work: () => Promise<T>,
  { isWhole } = { isWhole: true },
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HarborError) || isStop(error)) throw error;
    const table = guardedTable(error.state);
    if (table === null) {
      throw error.with({ message: `Cannot adopt "${database.url}"`, state: error.message });
    }
    throw new HarborError(
      "data_conflict",
      `Cannot adopt "${database.url}": a value in ${table} would not be the same afterwards`,
      {
        hint: `${
          isWhole ? "Nothing was changed. " : ""
        }Look for values of another type than their column's, and for triggers that change rows.`,
        details: { table },
        cause: error,
      },
    );
  }
}
