import type { Dialect } from "../../../base/dialect.ts";
import { buildHistory, type History, type HistoryFiles, journalPath } from "../../../history/history.ts";

/** One dialect's folder as it lies on disk, whatever its state. */
export interface HistoryFolder {
  readonly dialect: Dialect;
  /** Where in the history's folder its files are: `sqlite/`, or nothing. */
  readonly place: string;
  /** As shown in messages: `drizzle/sqlite`. */
  readonly folder: string;
  /** Texts of all files in it, by path below it. */
  readonly files: ReadonlyMap<string, string>;
  readonly isGarbled?: HistoryFiles["isGarbled"];
}

/**
 * Returns the history in a folder, as it would be with other texts of some files, or without them.
 *
 * @throws {HarborError} `bad_history`
 */
export function historyIn(
  { dialect, folder, files, isGarbled }: HistoryFolder,
  changed: ReadonlyMap<string, string | null> = new Map(),
): History {
  return buildHistory(dialect, {
    folder,
    read: (path) => (changed.has(path) ? changed.get(path) : files.get(path)) ?? null,
    isGarbled: (path) => !changed.has(path) && isGarbled?.(path) === true,
    folders: () => foldersIn(files),
  });
}

/** Says whether a folder is laid out as drizzle-kit 1.0 does it. */
export function isFoldered({ files }: Pick<HistoryFolder, "files">): boolean {
  return !files.has(journalPath) && foldersIn(files).length > 0;
}

function foldersIn(files: HistoryFolder["files"]): readonly string[] {
  return [...files.keys()].flatMap((path) => /^([^/]+)\/migration\.sql$/.exec(path)?.[1] ?? []);
}
