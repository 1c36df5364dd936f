import type { Dialect } from "../../base/dialect.ts";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { quoteForShell } from "../../base/quote_shell.ts";
import { HarborError } from "../../base/errors.ts";
import { journalPath } from "../../history/history.ts";
import { placeOf } from "../../history/read_history.ts";
import { tagsIn } from "../rules/journal_entries.ts";

const run = promisify(execFile);

/** A snapshot may be longer than what is taken unless told. */
async function git(dir: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", ["-C", dir, ...args], { maxBuffer: 2 ** 28 });
  return stdout;
}

/** What git is in the middle of. */
export interface UnderWay {
  /** The branch whose revisions keep their place. */
  readonly branch: string;
  /** The commit on which what is replayed was made; `null` in a merge. */
  readonly base: string | null;
  /** Whether it is a revert, which may take revisions of the branch away. */
  readonly isRevert?: true;
}

/** What says that git stopped in a merge, a rebase, a cherry-pick or a revert, which replays a commit from its end to its beginning. */
const underWay: Readonly<Record<string, UnderWay>> = {
  MERGE_HEAD: { branch: "MERGE_HEAD", base: null },
  REBASE_HEAD: { branch: "HEAD", base: "REBASE_HEAD^" },
  CHERRY_PICK_HEAD: { branch: "HEAD", base: "CHERRY_PICK_HEAD^" },
  REVERT_HEAD: { branch: "HEAD", base: "REVERT_HEAD", isRevert: true },
};

/** Returns what git is in the middle of in the folder's checkout; `null` for nothing. */
export async function readUnderWay(dir: string): Promise<UnderWay | null> {
  for (const [ref, way] of Object.entries(underWay)) {
    const isThere = git(dir, "rev-parse", "--quiet", "--verify", ref).then(() => true, () => false);
    if (await isThere) return way;
  }
  return null;
}

/** Returns the text of a file of a history as a commit has it; `null` when it does not, or git is not there. */
export async function textAt(commit: string, dir: string, path: string): Promise<string | null> {
  return await git(dir, "show", `${commit}:./${path}`).catch(() => null);
}

/**
 * Returns the tags of the revisions that a branch has, in order.
 *
 * @throws {HarborError} `usage` when git does not know the branch or it has no history there
 */
export async function tagsOn(branch: string, dir: string, dialect: Dialect): Promise<readonly string[]> {
  try {
    return tagsIn(await git(dir, "show", `${branch}:./${placeOf(dir, dialect)}${journalPath}`));
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
