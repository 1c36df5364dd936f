import { sql } from "drizzle-orm";
import { foldName } from "../../base/fold_name.ts";
import { rowsOfForm } from "../../base/row_form.ts";
import type { Database } from "../database.ts";
import type { UnsaidPart } from "../inspector.ts";
import { readUnsaidWords } from "./ddl.ts";

/**
 * What SQLite does with a row that breaks a constraint, where it says nothing of it.
 *
 * Source: https://www.sqlite.org/lang_conflict.html
 */
const silently: Readonly<Record<string, string>> = {
  "CONFLICT REPLACE": "the rows that have its key already are lost, or NULL becomes the default",
  "CONFLICT IGNORE": "it is not written",
};

/** Reads out of the texts of tables what they have that no snapshot says. */
export async function readUnsaid(database: Database): Promise<readonly UnsaidPart[]> {
  const rows = await database.read(
    sql`SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name`,
  );
  return rowsOfForm("sqlite_schema", { name: "text", sql: "text?" }, rows).flatMap(({ name, sql }) =>
    readUnsaidWords(sql ?? "").map((words): UnsaidPart => {
      const becomes = silently[words];
      if (becomes === undefined) return { table: name, words };
      return {
        table: name,
        words: `ON ${words}`,
        harm: {
          state:
            `ON ${words} in its definition: of a row that breaks the constraint no error is said, and ${becomes}`,
          remedy:
            `Make the table again without ON ${words}; or write a revision that makes it with it, if that is meant: harbor-db create`,
          meant: [...words.toLowerCase().split(" "), foldName(name)],
        },
      };
    })
  );
}
