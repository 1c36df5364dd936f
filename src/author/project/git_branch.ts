import type { Dialect } from "../../base/dialect.ts";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { quoteForShell } from "../../base/quote_shell.ts";
import { HarborError } from "../../base/errors.ts";
import { journalPath } from "../../history/history.ts";
import { placeOf } from "../../history/read_history.ts";
import { idsOf } from "../../history/revision_name.ts";
import { tagsIn } from "../rules/revision_tree.ts";

const run = promisify(execFile);

/** Says whether a merge is under way in the folder's checkout. */
export async function isMerging(dir: string): Promise<boolean> {
  try {
    await run("git", ["-C", dir, "rev-parse", "--quiet", "--verify", "MERGE_HEAD"]);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the ids of the revisions that a branch has, in order.
 *
 * @throws {HarborError} `usage` when git does not know the branch or it has no history there
 */
export async function revisionsOn(branch: string, dir: string, dialect: Dialect): Promise<readonly string[]> {
  try {
    const { stdout } = await run("git", [
      "-C",
      dir,
      "show",
      `${branch}:./${placeOf(dir, dialect)}${journalPath}`,
    ]);
    return idsOf(tagsIn(stdout));
  } catch (error) {
    const said = String((error as { readonly stderr?: unknown }).stderr ?? error).trim().split("\n")[0];
    throw new HarborError("usage", `Cannot read the history on "${branch}": ${said}`, {
      hint: "Name a branch that git has: harbor-db rebase --onto origin/main",
      cause: error,
    });
  }
}

/**
 * Returns the command by which git brings a file back as it was; `null` when git does not have it.
 *
 * @param path From `cwd`
 */
export async function restoreCommand(path: string, cwd: string): Promise<string | null> {
  const has = (...args: readonly string[]) => run("git", args, { cwd }).then(() => true, () => false);
  // What was removed from the index too is in the last commit.
  if (await has("ls-files", "--error-unmatch", "--", path)) return `git checkout -- ${quoteForShell(path)}`;
  return await has("cat-file", "-e", `HEAD:./${path}`) ? `git checkout HEAD -- ${quoteForShell(path)}` : null;
}
