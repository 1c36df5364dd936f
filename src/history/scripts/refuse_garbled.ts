import { HarborError } from "../../base/errors.ts";
import type { Script } from "./script.ts";
import type { Statement } from "./statement.ts";

/** What a file that is not UTF-8 is read as, and what ends a text for SQLite: the rest of a statement would not run. */
const garbled = /[\uFFFD\0]/;

/** Returns where in a statement a character stands that no editor wrote as it is read; -1 where all is text. */
export function garbledAt({ sql }: Pick<Statement, "sql">): number {
  return sql.search(garbled);
}

/** What is said of such a statement. */
export const garbledState = "it has a character that is no text: the file is not UTF-8, or holds a NUL";

/** What is to be done about it. */
export const garbledHint =
  "Save the script as UTF-8. Where U+FFFD itself is meant, write it as the dialect does: char(65533), chr(65533).";

/**
 * Refuses a script of which other characters would be written than its author meant.
 *
 * @throws {HarborError} `bad_script` naming the line
 */
export function refuseGarbled({ file, statements }: Script): void {
  for (const statement of statements) {
    const at = garbledAt(statement);
    if (at < 0) continue;
    const line = statement.line + statement.sql.slice(0, at).split("\n").length - 1;
    throw new HarborError("bad_script", `Cannot run "${file}:${line}"`, {
      state: garbledState,
      hint: garbledHint,
      details: { file, line },
    });
  }
}
