import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { projectFile } from "./project.ts";

/** Kills a process in the middle of a transaction on a SQLite file, which leaves its journal or its WAL behind. */
export async function killWhileOpen(path: string, how: "journal" | "wal"): Promise<void> {
  const script = projectFile("tests/support/sqlite_killed.ts");
  const child = spawn(process.execPath, ["run", "-A", "--no-check", script, path, how], {
    stdio: "inherit",
    cwd: projectFile("."),
  });
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL");
}
