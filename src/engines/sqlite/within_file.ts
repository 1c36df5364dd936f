import { sql } from "drizzle-orm";
import type { Database } from "../database.ts";
import { UserStatement, userStatement } from "../statement_names.ts";
import { firstLine } from "../../sql/first_line.ts";
import { compile } from "./connection/statement.ts";

/**
 * Returns a database as scripts get it that are tried: what would make, open or write another file is not run, which is noted.
 *
 * @param place The database, in words
 * @param notRun Takes what is not run, as sentences
 */
export function withinFile(database: Database, place: string, notRun: Set<string>): Database {
  return {
    ...database,
    write: async (batch, mode) =>
      await database.write(
        batch.map((statement) => {
          if (!(statement instanceof UserStatement)) return statement;
          const { text } = compile(statement);
          if (
            !/^(?:\s|--.*\n|\/\*[^]*?\*\/)*(?:attach|detach|vacuum\b[^;]*\binto)\b/i.test(text)
          ) return statement;
          notRun.add(`${firstLine(text)} reaches out of ${place}: it was not run`);
          return userStatement(sql.raw("SELECT 1"));
        }),
        mode,
      ),
  };
}
