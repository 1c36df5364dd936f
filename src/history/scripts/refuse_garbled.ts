import { HarborError } from "../../base/errors.ts";
import type { Script } from "./script.ts";
import type { Statement } from "./statement.ts";

/** Returns where in a statement something else stands than its author wrote, or a NUL, behind which SQLite runs nothing; -1 without. */
export function garbledAt({ isGarbled }: Pick<Script, "isGarbled">, { sql }: Pick<Statement, "sql">): number {
  return sql.search(isGarbled ? /[\uFFFD\0]/ : /\0/);
}

/** What is said of such a statement. */
export const garbledState = "it has a character that is no text: the file is not UTF-8, or holds a NUL";

/**
 * Refuses a script of which other characters would be written than its author meant.
 *
 * @param resume Where it stopped half way: what it is read as goes on then, since another script would not go on from there
 * @throws {HarborError} `bad_script` naming the line
 */
export function refuseGarbled(
  { file, statements, isGarbled }: Script,
  resume: { readonly statementsDone: number } | null,
): void {
  for (const statement of statements.slice(resume?.statementsDone ?? 0)) {
    const at = garbledAt(resume === null && isGarbled ? { isGarbled } : {}, statement);
    if (at < 0) continue;
    const line = statement.line + statement.sql.slice(0, at).split("\n").length - 1;
    throw new HarborError("bad_script", `Cannot run "${file}:${line}"`, {
      state: garbledState,
      hint: resume === null
        ? "Save the script as UTF-8, without a NUL."
        : "It stopped half way, and another script does not go on from there. Go back to a backup: harbor-db backup list",
      details: { file, line },
    });
  }
}
