import { rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../../src/base/errors.ts";
import type { RunFigures } from "../../../src/rehearse/rules/figures.ts";
import { harborCommand } from "../harbor.ts";
import { run } from "../process.ts";
import type { Target } from "../tool.ts";
import type { Outcome } from "./judge.ts";

/** Upgrades a database that has a budget nothing breaks: what is rehearsed on its backup's copy then runs. */
export async function rehearsedUpgrade(binary: string, target: Target): Promise<Outcome> {
  const backups = join(target.folder, "backups");
  const args = ["upgrade", "--json", "--yes", "--max-time", "30d", "--backup-dir", backups];
  try {
    const { stdout } = await run(harborCommand(binary, target, args));
    const { rehearsal, measured } = JSON.parse(stdout) as Readonly<
      Record<"rehearsal" | "measured", RunFigures>
    >;
    return { forecast: rehearsal, run: measured };
  } finally {
    rmSync(backups, { recursive: true, force: true });
  }
}

/** Returns the end of what a program said that failed. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error);
  const [, said] = /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return (said ?? text.split("\n", 1)[0]!).slice(0, 160);
}
