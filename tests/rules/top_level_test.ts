import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";

/** What stands at the top of a checkout, and nothing else does: what a tool leaves there is committed unseen otherwise. */
const expected: readonly string[] = [
  ".ci",
  ".gitignore",
  ".npmrc",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "bin",
  "deno.json",
  "docs",
  "drizzle",
  "package-lock.json",
  "package.json",
  "schema.ts",
  "scripts",
  "src",
  "tests",
];

test("nothing is committed at the top of the checkout but what belongs there", () => {
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: projectFile("."), encoding: "utf8" });
  const top = new Set(listed.split("\0").filter((path) => path !== "").map((path) => path.split("/", 1)[0]!));
  assert.deepEqual([...top].toSorted(), expected);
});
