import { execFileSync } from "node:child_process";

/** Runs git in a folder and returns what it prints; a merge, rebase or revert with conflicts is no failure. */
export function git(cwd: string, ...args: readonly string[]): string {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"];
  try {
    return execFileSync("git", [...identity, ...args], { cwd, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    // It ends with 1, and the conflicts are what tests are about.
    if (["merge", "rebase", "revert"].includes(args[0]!)) return "";
    throw error;
  }
}

/** Commits all that is in a folder. */
export function commitAll(cwd: string): void {
  git(cwd, "add", "--all");
  git(cwd, "commit", "--quiet", "--message=change");
}
