import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { HistoryFolder } from "../rules/folder/history_folder.ts";
import { HarborError, messageOf } from "../../base/errors.ts";
import { isUtf8File } from "../../base/files/is_utf8_file.ts";
import { readingHint } from "../../base/files/owner.ts";
import { findPlaces } from "../../history/read_history.ts";
import { isTemporary } from "../writing/write_together.ts";

/**
 * Reads all files of a `drizzle/` folder, whatever their state.
 *
 * @param cwd Where paths are shown from
 * @throws {HarborError} `bad_history` when it has no folder of a dialect
 */
export function readHistoryFolders(dir: string, cwd: string): readonly HistoryFolder[] {
  const folders = [...findPlaces(dir)].flatMap(([dialect, place]) => {
    const path = join(dir, place, ".");
    const files = readFiles(path, place === "" ? isKits : () => true);
    if (files === null) return [];
    const isGarbled = (name: string) => !isUtf8File(join(path, name));
    return [{ dialect, place, folder: relative(cwd, path) || ".", files, isGarbled }];
  });
  if (folders.length > 0) return folders;
  const state = existsSync(dir) ? "it holds none" : "there is no such folder";
  throw new HarborError("bad_history", `Cannot read the history in "${dir}": ${state}`, {
    hint: [
      'To write its first revision: harbor-db generate "Initial schema"',
      "Where its history is elsewhere: --dir <dir>",
    ],
    details: { dir },
  });
}

/** Says whether a file in a folder that holds more than a dialect's history is one of a history. */
function isKits(path: string): boolean {
  // A project's own rules lie beside it.
  return /^(?!rules\.sql$)(?:(?:covered\/)?(?:[^/]+\.sql|meta\/[^/]+\.json)|[^/]+\/(?:(?:migration|down)\.sql|snapshot\.json))$/
    .test(path);
}

/** Returns the texts of the files below a folder that pass a test; `null` when there is no such folder. */
function readFiles(folder: string, test: (path: string) => boolean): ReadonlyMap<string, string> | null {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile() && !isTemporary(entry.name)).map((entry) =>
      join(entry.parentPath, entry.name)
    );
    const named = paths.sort().map((path) => [relative(folder, path).replaceAll("\\", "/"), path] as const);
    return new Map(
      named.filter(([name]) => test(name)).map(([name, path]) => [name, readFileSync(path, "utf8")]),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new HarborError("file_failed", `Cannot read "${folder}": ${messageOf(error)}`, {
      hint: readingHint(folder, error),
      cause: error,
    });
  }
}
