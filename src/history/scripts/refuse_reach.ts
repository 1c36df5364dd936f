import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";
import type { Script } from "./script.ts";

/** Whether a statement reaches out of the database in which its script was found. */
const reaches: Readonly<Record<Dialect, (tokens: readonly Token[]) => boolean>> = {
  // A file may belong to somebody else than who runs this, and these read or write other files.
  sqlite: ([first, second, third, fourth]) => {
    if (["ATTACH", "DETACH", "VACUUM"].some((word) => isWord(first, word))) return true;
    const name = nameOf(third?.text === "." ? fourth : second) ?? "";
    return isWord(first, "PRAGMA") && !harmlessPragmas.includes(name.toLowerCase());
  },
  // Who may write the table is asked of the server, see `Database.requireOwnHands`.
  postgresql: () => false,
};

/** What drizzle-kit writes around the rebuild of a table. */
const harmlessPragmas = ["foreign_keys", "defer_foreign_keys", "legacy_alter_table", "foreign_key_check"];

/**
 * Refuses a script that came out of a database and would reach out of it.
 *
 * @throws {HarborError} `untrusted_owner` naming the statement
 */
export function refuseReach({ file, statements }: Script, dialect: Dialect): void {
  const found = statements.find(({ sql, run }) =>
    reaches[dialect](tokensOf(run.kind === "backfill" ? run.update : sql, dialect))
  );
  if (found === undefined) return;
  const { line } = found;
  throw new HarborError("untrusted_owner", `Cannot run "${file}:${line}"`, {
    state: "this script came out of the database, and the statement reaches out of it",
    hint: "Go back with the release that has the revision, or restore a backup: harbor-db backup list",
    details: { file, line, statement: found.sql },
  });
}
