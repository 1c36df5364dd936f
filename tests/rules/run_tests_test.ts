import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { installedBun } from "../../scripts/build_binary.ts";
import { projectFile } from "../support/project.ts";

test("a file that throws behind its first test fails the run, also where a flaky test has it run again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "harbor_db_runner_"));
  try {
    const write = async (name: string, lines: readonly string[]) => {
      const path = join(folder, name);
      await writeFile(path, ['import { test } from "node:test";', ...lines].join("\n"));
      return path;
    };
    const cut = await write("cut_test.ts", [
      'test("stands before the error", () => {});',
      'throw new Error("late");',
    ]);
    const flaky = await write("flaky_test.ts", [
      'import { existsSync, writeFileSync } from "node:fs";',
      `const mark = ${JSON.stringify(join(folder, "mark"))};`,
      'test("fails once", () => {',
      "  if (existsSync(mark)) return;",
      '  writeFileSync(mark, "");',
      '  throw new Error("the first time");',
      "});",
    ]);
    const runs = [[cut], ["--again", cut, flaky]].map((paths) => run(paths));
    const [alone, again] = await Promise.all(runs);
    assert.deepEqual(alone, { code: 1, last: "1 passed, 1 failed" });
    assert.deepEqual(again, { code: 1, last: "2 passed, 1 failed" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("Bun fails such a file by itself, as the run of the bundle relies on", async () => {
  const folder = await mkdtemp(join(tmpdir(), "harbor_db_runner_"));
  try {
    const lines = ['import { test } from "node:test";', 'test("stands before the error", () => {});'];
    await writeFile(join(folder, "whole_test.js"), lines.join("\n"));
    await writeFile(join(folder, "cut_test.js"), [...lines, 'throw new Error("late");'].join("\n"));
    const codeOf = (...files: readonly string[]) =>
      new Promise((resolve) =>
        execFile(
          installedBun(projectFile(".")),
          ["test", "--parallel=4", ...files],
          { cwd: folder },
          (error) => resolve(error?.code ?? 0),
        )
      );
    assert.equal(await codeOf("./whole_test.js"), 0);
    assert.equal(await codeOf("./whole_test.js", "./cut_test.js"), 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

function run(args: readonly string[]): Promise<{ readonly code: unknown; readonly last: string }> {
  const runner = projectFile("tests/support/run_tests.ts");
  const command = [
    "run",
    "--quiet",
    "--allow-all",
    "--no-check",
    "--config",
    projectFile("deno.json"),
    runner,
  ];
  return new Promise((resolve) =>
    execFile(process.execPath, [...command, ...args], (error, stdout) => {
      resolve({ code: error?.code ?? 0, last: stdout.trimEnd().split("\n").at(-1)! });
    })
  );
}
