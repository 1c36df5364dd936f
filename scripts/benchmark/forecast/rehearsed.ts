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
    return outcomeOf((await run(harborCommand(binary, target, args))).stdout);
  } finally {
    rmSync(backups, { recursive: true, force: true });
  }
}

/**
 * Reads the two out of what an upgrade printed.
 *
 * @throws {Error} when one is missing: an empty database is not rehearsed, and nothing runs where nothing is to do
 */
export function outcomeOf(printed: string): Outcome {
  const { rehearsal, measured } = JSON.parse(printed) as Readonly<
    Record<"rehearsal" | "measured", RunFigures | null>
  >;
  if (rehearsal === null) throw new Error("Cannot compare a run with its forecast: it was not rehearsed");
  if (measured === null) throw new Error("Cannot compare a forecast with its run: nothing ran");
  return { forecast: rehearsal, run: measured };
}

/** Returns the end of what a program said that failed. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error);
  const [, said] = /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return (said ?? text.split("\n", 1)[0]!).slice(0, 160);
}
