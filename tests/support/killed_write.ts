import { rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { scriptChecksum } from "../../src/history/history.ts";
import type { SchemaProject } from "./samples/schema_project.ts";

type Files = Readonly<Record<string, string>>;

/** Returns the files of `drizzle/` in which two states of it differ. */
export function changedFiles(before: Files, after: Files): readonly string[] {
  return Object.keys({ ...before, ...after }).filter((path) => before[path] !== after[path]);
}

/** Leaves `drizzle/` as a command does that was killed between two of its files: when `isDone` ones had got their names. */
export async function leaveKilled(
  { cwd }: SchemaProject,
  command: string,
  { before, after, isDone }: {
    readonly before: Files;
    readonly after: Files;
    readonly isDone: (path: string) => boolean;
  },
): Promise<void> {
  const dir = join(cwd, "drizzle");
  const sum = (text: string | undefined) => text === undefined ? null : scriptChecksum(text);
  const changed = changedFiles(before, after);
  for (const path of changed) {
    const text = isDone(path) ? after[path] : before[path];
    if (text === undefined) await rm(join(dir, path), { force: true });
    else await writeFile(join(dir, path), text);
    const waits = isDone(path) ? undefined : after[path];
    if (waits === undefined) continue;
    await writeFile(join(dir, dirname(path), `.${basename(path)}.harbor-db-new`), waits);
  }
  const files = changed.map((path) => ({ path, before: sum(before[path]), after: sum(after[path]) }));
  await writeFile(join(dir, ".unfinished.harbor-db-new"), JSON.stringify({ command, files }));
}
