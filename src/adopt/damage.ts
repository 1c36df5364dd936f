import { HarborError } from "../base/errors.ts";
import type { DamageLook } from "../engines/inspector.ts";
import { loadInspector } from "../engines/open/inspector.ts";
import type { RunContext } from "../engines/run_context.ts";

/** Looks for damage as the engine can, each found in its words. Says that it looks, since all of a large file is read. */
export async function damageOf(
  { database, notify }: RunContext,
  look: DamageLook = "whole",
): Promise<readonly string[]> {
  const inspector = await loadInspector(database.dialect);
  notify({ kind: "doing", text: "looking for damage" });
  try {
    return await inspector.damage(database, look);
  } finally {
    notify({ kind: "done" });
  }
}

/**
 * Has a backup made, and says where that cannot be proven that it is the database which is damaged, if it is.
 *
 * @throws {HarborError} `not_a_database` as {@link damageError} has it; what `work` throws
 */
export async function orDamage<T>(context: RunContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isUnproven = error instanceof HarborError && error.code === "backup_failed";
    const problems = isUnproven ? await damageOf(context) : [];
    throw problems.length === 0 ? error : damageError(context.database.url, problems);
  }
}

/** Returns the error for a database that is damaged, with what can be done about it. */
export function damageError(url: string, problems: readonly string[]): HarborError {
  const words = problems.map((problem) => problem.replaceAll(/\s+/g, " ").trim());
  const more = words.length > 3 ? `, and ${words.length - 3} more` : "";
  const isIndexOnly = words.every((each) => /\bindex\b/i.test(each) && !/tree|page|malformed/i.test(each));
  return new HarborError(
    "not_a_database",
    `Cannot adopt "${url}": the file is damaged: ${words.slice(0, 3).join("; ")}${more}`,
    {
      hint: isIndexOnly
        ? "Nothing was changed. Stop the application and copy the file; the rows can be read, so make the indexes anew in the copy: sqlite3 COPY REINDEX, then sqlite3 COPY 'PRAGMA integrity_check', and adopt the copy."
        : "Nothing was changed. Stop the application, copy the file and salvage what can be read into a new one: sqlite3 COPY .recover | sqlite3 SALVAGED, then compare and adopt that; or restore a backup.",
      details: { problems: words },
    },
  );
}
