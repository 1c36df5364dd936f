import assert from "node:assert/strict";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { overwritten, runCli } from "../support/run_cli.ts";

// deno-lint-ignore no-control-regex
const paint = /\x1b\[\d+m/g;

test("what is printed fits a terminal, commands in one piece, and is as it was in a pipe", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade", "71dda59686db"], { cwd });
    const piped = await runCli(["verify"], { cwd });
    const shown = await runCli(["verify"], { cwd, tty: true });
    assert.deepEqual([piped.code, shown.code], [3, 3]);
    const lines = shown.stdout.replace(paint, "").replace(overwritten, "").split("\n");
    assert.deepEqual(lines.filter((line) => line.length > 100), []);
    const whole = piped.stdout.split("\n");
    assert.ok(whole.some((line) => line.length > 100), piped.stdout);
    assert.ok(lines.length > whole.length);
    const words = (text: string) =>
      text.replace(paint, "").replace(overwritten, "").replace(/after\s+[\d.]+\s+m?s\b/g, "").split(/\s+/);
    assert.deepEqual(words(shown.stdout), words(piped.stdout));
    for (const { stdout } of [piped, shown]) {
      assert.match(stdout, /harbor-db upgrade/);
      assert.match(stdout, /--skip backup/);
    }
  }));

test("colours go to a terminal that knows them, and never with the errors into a file", () =>
  withFolder(async (cwd) => {
    const status = (TERM: string) => runCli(["status"], { cwd, tty: true, env: { TERM } });
    assert.match((await status("xterm")).stdout, paint);
    assert.doesNotMatch((await status("dumb")).stdout, paint);
    const { stdout } = await runCli(["upgrade", "nope"], {
      cwd,
      tty: true,
      env: { TERM: "xterm" },
      under: ["sh", "-c", '"$@" 2>errors; cat errors', "sh"],
    });
    assert.match(stdout, /^error: /);
    assert.doesNotMatch(stdout, paint);
  }));
