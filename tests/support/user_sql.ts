import { type SQL, sql as ours } from "drizzle-orm";
import { type UserStatement, userStatement } from "../../src/engines/statement_names.ts";

/** drizzle-orm's `sql` for statements with the tables of a test, which are written as users write theirs. */
export const sql = Object.assign(
  (strings: TemplateStringsArray, ...values: unknown[]): UserStatement =>
    userStatement(ours(strings, ...values)),
  { raw: (text: string): SQL => userStatement(ours.raw(text)), identifier: ours.identifier, join: ours.join },
);
