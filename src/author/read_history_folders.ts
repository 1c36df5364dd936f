import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { HistoryFolder } from "./rules/check_folder.ts";
import { HarborError, messageOf } from "../base/errors.ts";
import { readingHint } from "../base/files/owner.ts";
import { dialects } from "../base/dialect.ts";
import { isTemporary } from "./write_together.ts";

/**
 * Reads all files of a `drizzle/` folder, whatever their state.
 *
 * @param cwd Where paths are shown from
 * @throws {HarborError} `bad_history` when it has no folder of a dialect
 */
export function readHistoryFolders(dir: string, cwd: string): readonly HistoryFolder[] {
  const folders = dialects.flatMap((dialect) => {
    const path = join(dir, dialect);
    const files = readFiles(path);
    return files === null ? [] : [{ dialect, folder: relative(cwd, path), files }];
  });
  if (folders.length > 0) return folders;
  throw new HarborError("bad_history", `Cannot read the history in "${dir}": it holds none`, {
    hint:
      "Give the folder in which drizzle-kit's folders for the dialects are: --dir <dir>; or leave it out.",
    details: { dir },
  });
}

/** Returns the texts of all files below a folder; `null` when there is no such folder. */
function readFiles(folder: string): ReadonlyMap<string, string> | null {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile() && !isTemporary(entry.name)).map((entry) =>
      join(entry.parentPath, entry.name)
    );
    return new Map(
      paths.sort().map((path) => [
        relative(folder, path).replaceAll("\\", "/"),
        readFileSync(path, "utf8"),
      ]),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new HarborError("file_failed", `Cannot read "${folder}": ${messageOf(error)}`, {
      hint: readingHint(folder, error),
      cause: error,
    });
  }
}
