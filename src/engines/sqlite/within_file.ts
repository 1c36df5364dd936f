import { sql } from "drizzle-orm";
import type { Database } from "../database.ts";
import { UserStatement, userStatement } from "../statement_names.ts";
import { firstLine } from "../../sql/first_line.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";
import { compile, verbOf } from "./connection/statement.ts";

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
          if (!reachesOut(text)) return statement;
          notRun.add(`${firstLine(text)} reaches out of ${place}: it was not run`);
          return userStatement(sql.raw("SELECT 1"));
        }),
        mode,
      ),
  };
}

function reachesOut(text: string): boolean {
  const verb = verbOf(text);
  return verb === "ATTACH" || verb === "DETACH" ||
    verb === "VACUUM" && tokensOf(text, "sqlite").some((token) => isWord(token, "INTO"));
}
