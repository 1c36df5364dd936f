import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { baseEnvironment, cliCommand, runCli } from "../support/run_cli.ts";

type Broken = "stdout" | "stderr";

/** Runs harbor-db with an output that takes nothing: on a full disk, or a pipe whose reader is gone. */
async function runBroken(
  args: readonly string[],
  { cwd, broken, by }: { readonly cwd: string; readonly broken: Broken; readonly by: "disk" | "pipe" },
): Promise<{ readonly code: number | null; readonly other: string }> {
  const full = by === "disk" ? openSync("/dev/full", "w") : "pipe";
  const [file = "", ...rest] = cliCommand(args);
  const child = spawn(file, rest, {
    cwd,
    env: baseEnvironment(),
    stdio: ["ignore", broken === "stdout" ? full : "pipe", broken === "stderr" ? full : "pipe"],
  });
  if (typeof full === "number") closeSync(full);
  else child[broken]!.destroy();
  const chunks: string[] = [];
  child[broken === "stdout" ? "stderr" : "stdout"]!.setEncoding("utf8").on(
    "data",
    (text) => chunks.push(text),
  );
  const [code] = await once(child, "close");
  return { code, other: chunks.join("") };
}

/** Whether the database in a folder is at the last revision. */
async function isAtHead(cwd: string): Promise<boolean> {
  const status = (await runCli(["status", "--json"], { cwd })).json<{ state: string; pending: unknown[] }>();
  return status.state === "managed" && status.pending.length === 0;
}

// Who closes a pipe wants no more of it, as `head` does; on a full disk what was done is not on record.
for (const [by, exits] of [["disk", 1], ["pipe", 0]] as const) {
  for (const broken of ["stdout", "stderr"] as const) {
    test(`an upgrade goes on to its end when its ${broken} is a ${by} that takes nothing, and exits with ${exits}`, () =>
      withFolder(async (cwd) => {
        const { code, other } = await runBroken(["upgrade"], { cwd, broken, by });
        assert.equal(code, exits);
        assert.ok(await isAtHead(cwd));
        assert.doesNotMatch(other, /^\s+at .*:\d+/m, "no stack trace");
        if (broken === "stdout" && by === "disk") {
          assert.match(other, /^error: Cannot print the result: .*no space/im);
        }
      }));
  }
}

test("a failure keeps its own exit code when it cannot be printed", () =>
  withFolder(async (cwd) => {
    assert.equal((await runBroken(["upgrade", "nope"], { cwd, broken: "stderr", by: "disk" })).code, 2);
  }));
