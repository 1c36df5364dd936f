import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { KeptColumn } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Column, Table } from "../../schema/snapshot.ts";
import { quoteText } from "../../sql/quote.ts";
import { readableTexts } from "../../history/plain_texts.ts";
import type { Step } from "../rules/plan.ts";
import { givenBy } from "./rules/given.ts";
import { any, type Words, words } from "./side/words.ts";

/** Which rows have a value that the opposite script does not give them; `null` for all. */
export function ungivenRows(own: Words, columns: readonly KeptColumn[]): SQL | null {
  return columns.some(({ given }) => given === null)
    ? null
    : any(columns.map(({ name, given }) => sql`NOT ${own.isGiven(sql`t.${sql.identifier(name)}`, given!)}`));
}

/** What the opposite script gives a column, as its values are compared: on PostgreSQL as the text of what is stored. */
export async function readGiven(
  { database }: RunContext,
  step: Step,
  { table, column }: { readonly table: Table; readonly column: Column },
): Promise<string | null> {
  const statements = oppositeOf(step, database) ?? [];
  const given = givenBy(statements, { table: table.name, column: column.name }, database.dialect);
  const query = given === null ? null : words[database.dialect].readGiven(given, column);
  if (query === null) return given;
  try {
    const [found] = await database.read<{ readonly value: string }>(query);
    return found === undefined ? null : quoteText(found.value);
  } catch (error) {
    // Then all values are kept.
    if (error instanceof HarborError && error.code === "statement_failed") return null;
    throw error;
  }
}

/**
 * Returns the statements of the script that undoes a step's; none where there is none. `null` where it cannot be read, as one of which
 * only the database's ledger knows and does not carry it: nobody can tell what it makes of values.
 */
export function oppositeOf(
  { revision, direction }: Pick<Step, "revision" | "direction">,
  database: Pick<RunContext["database"], "schemas">,
): readonly string[] | null {
  if (direction === "downgrade") return readableTexts(revision.upgrade, database);
  return revision.downgradeText() === null ? [] : readableTexts(revision.downgrade, database);
}
