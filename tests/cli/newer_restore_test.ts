import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli } from "../support/run_cli.ts";

test("a restore of what a newer release left says that this one does not know it", () =>
  withFolder(async (cwd) => {
    const older = join(cwd, "older");
    await cp(projectFile("drizzle"), older, { recursive: true });
    await rm(join(older, "BASELINE"));
    const run = async (...args: readonly string[]) => {
      const result = await runCli([...args, "--yes"], { cwd });
      assert.equal(result.code, 0, result.stderr);
      return result;
    };
    await run("drop", "--dir", older);
    await run("upgrade");
    const { current } = (await run("status", "--json")).json<{ current: string }>();
    await run("backup");
    const { stderr } = await run("restore", "latest", "--dir", older);
    assert.match(stderr, new RegExp(`this history does not have ${current}: a newer release`));
    assert.doesNotMatch((await run("restore", "latest")).stderr, /does not have/);
  }));
