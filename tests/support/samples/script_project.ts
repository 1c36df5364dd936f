import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dialect } from "../../../src/base/dialect.ts";
import { withFolder } from "../databases.ts";
import { emptySnapshots } from "./script_history.ts";

/** Runs work in the folder of a project whose one revision, `0000`, has these scripts and no tables. */
export async function withScriptProject<T>(
  dialect: Dialect,
  { up, down = "SELECT 1;" }: { readonly up: string; readonly down?: string },
  work: (cwd: string) => Promise<T>,
): Promise<T> {
  return await withFolder(async (cwd) => {
    const folder = join(cwd, "drizzle");
    await mkdir(join(folder, "meta"), { recursive: true });
    const entries = [{ idx: 0, when: 0, tag: "0000_step" }];
    await writeFile(join(folder, "meta/_journal.json"), JSON.stringify({ dialect, entries }));
    const snapshot = { ...emptySnapshots[dialect], id: "1", prevId: "0" };
    await writeFile(join(folder, "meta/0000_snapshot.json"), JSON.stringify(snapshot));
    await writeFile(join(folder, "0000_step.sql"), up);
    await writeFile(join(folder, "0000_step.down.sql"), down);
    return await work(cwd);
  });
}
