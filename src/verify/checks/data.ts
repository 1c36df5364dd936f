import { type Found, pass } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import type { Table } from "../../schema/snapshot.ts";
import { counted } from "../../base/quantity.ts";
import { isTimeUp } from "./time_limit.ts";
import { type Check, type CheckContext, couldNotCheck } from "./check.ts";
import { foundBroken, rowRules } from "../rules/data_rules.ts";
import { countDuplicates, duplicateWords, uniqueColumnsOf } from "./duplicates.ts";
import { looseTexts } from "../rules/value_forms.ts";
import { type RowScan, scanRows } from "./row_scan.ts";

/** The rows themselves, by what the application takes for granted. */
export const dataCheck: Check = {
  name: "data",
  summary:
    "rows are what the application expects: storage_backend, metadata_json, storage_path, sizes, dates and booleans in the right form, no orphans, no e-mail or uuid twice",
  cost:
    "reads every row once: about 5 s per million files, in slices of 20 ms, longer than which nobody waits",
  async *run(context) {
    const { names, unread } = await context.schemas();
    const live = (await context.schema()).tables;
    const tables = names.flatMap((name) => live.filter((table) => table.name === name));
    const scanned: string[] = [];
    let isSound = unread.length === 0;
    yield* unread;
    for (const table of tables) {
      for await (const found of checkTable(context, table)) {
        isSound &&= found.status === "pass";
        if (found.status === "pass") scanned.push(found.message);
        else yield found;
      }
    }
    if (isSound) yield pass(scanned.length === 0 ? "there are no rows to check" : scanned.join(", "));
  },
};

/** Yields what is wrong with a table's rows, or else how many there are. */
async function* checkTable(context: CheckContext, table: Table): AsyncGenerator<Found> {
  const database = await context.database();
  const texts = looseTexts(database.dialect, table.columns);
  const scan = scanRows(table, rowRules(database.dialect, table), texts);
  const found: Found[] = [];
  try {
    await scan.run(database, context.pace);
    for (const unique of uniqueColumnsOf(table)) {
      const repeated = await countDuplicates(database, context.pace, unique);
      if (repeated.count > 0) found.push(foundBroken(duplicateWords(unique), repeated));
    }
  } catch (error) {
    // What was seen so far is true all the same.
    yield* broken(scan);
    yield* found;
    if (isTimeUp(error)) {
      const at = { table: table.name, rows: scan.rows() };
      throw error.with({
        state: `${error.state}, after ${counted(at.rows, "row")} of ${at.table}`,
        details: at,
      });
    }
    if (isFinal(error)) throw error;
    return yield couldNotCheck(error, `the rows of ${table.name}`);
  }
  found.unshift(...broken(scan));
  yield* found.length > 0 ? found : [pass(`${counted(scan.rows(), "row")} of ${table.name}`)];
}

function broken(scan: RowScan): readonly Found[] {
  return scan.broken().map(([rule, rows]) => foundBroken(rule, rows));
}

/** Whether nothing else can be read after this error either. */
function isFinal(error: unknown): boolean {
  return error instanceof HarborError && (error.code === "interrupted" || error.code === "connection_failed");
}
