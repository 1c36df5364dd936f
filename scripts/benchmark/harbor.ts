import type { Dialect } from "../../src/base/dialect.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emptySnapshots } from "../../tests/support/samples/script_history.ts";
import type { BenchRevision } from "./history.ts";
import type { Command } from "./process.ts";
import { outputOf, type Target, type Tool, wordsOf } from "./tool.ts";

/** harbor-db itself. */
export function harborTool(binary: string): Tool {
  const hasBackup = outputOf(binary, "upgrade", "--help").includes("--no-backup");
  const noBackup = hasBackup ? ["--no-backup"] : [];
  return {
    name: "harbor-db",
    version: outputOf(binary, "--version").split(" ")[1]!,
    dialects: ["sqlite", "postgresql"],
    versionCommand: { file: binary, args: ["--version"] },
    prepare(folder, { dialect, revisions, builtIn }) {
      if (!builtIn) writeDrizzleFolder(join(folder, "drizzle", dialect), dialect, revisions);
    },
    upgrade: (target) =>
      harborCommand(binary, target, ["upgrade", target.to ?? "head", "--quiet", ...noBackup]),
    status: (target) => harborCommand(binary, target, ["status"]),
    baseline: () => [],
  };
}

/** Returns a command line of harbor-db's on a database. */
export function harborCommand(binary: string, { url, folder, to }: Target, args: readonly string[]): Command {
  const dir = to === undefined ? { HARBOR_DB_DIR: join(folder, "drizzle") } : {};
  // In a folder of the checkout, which is a project, it would take no history that is built in.
  const cwd = to === undefined ? folder : tmpdir();
  return { file: binary, args, env: { DATABASE_URL: url, ...dir }, cwd };
}

/** Returns drizzle-kit's journal of some revisions. */
export function journalOf(
  dialect: Dialect,
  revisions: readonly BenchRevision[],
  when: (index: number) => number,
): string {
  const entries = revisions.map(({ id, name }, idx) => ({
    idx,
    version: dialect === "sqlite" ? "6" : "7",
    when: when(idx),
    tag: `${id}_${wordsOf(name)}`,
    breakpoints: true,
  }));
  return JSON.stringify({ version: "7", dialect, entries });
}

function writeDrizzleFolder(folder: string, dialect: Dialect, revisions: readonly BenchRevision[]): void {
  mkdirSync(join(folder, "meta"), { recursive: true });
  writeFileSync(
    join(folder, "meta/_journal.json"),
    journalOf(dialect, revisions, (index) => 1_700_000_000_000 + index),
  );
  for (const [index, { id, name, statements }] of revisions.entries()) {
    const snapshot = { ...emptySnapshots[dialect], id, prevId: revisions[index - 1]?.id ?? "" };
    writeFileSync(join(folder, `meta/${id}_snapshot.json`), JSON.stringify(snapshot));
    const text = statements.map((statement) => `${statement};`).join("\n--> statement-breakpoint\n");
    writeFileSync(join(folder, `${id}_${wordsOf(name)}.sql`), `-- ${name}\n${text}\n`);
  }
}
