import { DatabaseSync } from "node:sqlite";
import { copyLargeFile } from "../../../base/files/copy_large_file.ts";
import { removeLargeFile } from "../../../base/files/remove.ts";
import { sqliteFileUrl } from "../../../base/url/sqlite_url.ts";
import type { OpenOptions } from "../../database.ts";
import { type BackupContent, notRehearsed, type ProveOptions, type Trial } from "../../backup/engine.ts";
import { sideFiles } from "../connection/database_file.ts";
import { execute } from "../connection/open_file.ts";
import { withinFile } from "../within_file.ts";
import { copyFailure } from "./copy_failure.ts";
import { proveCopy, readAccount } from "./copy.ts";
import { holdFile } from "./hold_file.ts";

/** For which database something is tried. */
interface TrialPlace {
  /** Its address, as it may be shown. */
  readonly shown: string;
  /** See `Trial.remarks`. */
  readonly remarks: readonly string[];
  /** How a server goes about it whose database it is; left out where that is a file. */
  readonly server?: Pick<OpenOptions, "largeRows" | "pace">;
}

/** Proves a copy, and lets something be tried on it. */
export async function proveAndTry(
  path: string,
  signal: AbortSignal,
  { onProgress, isQuick, mayHaveWrongIndexes, readsAccount, onRestored, ...place }: ProveOptions & TrialPlace,
): ReturnType<typeof proveCopy> {
  const proven = {
    ...await proveCopy(path, { signal, onProgress, isQuick, mayHaveWrongIndexes }),
    ...readsAccount ? { account: await readAccount(path) } : {},
  };
  if (onRestored !== undefined) {
    await tryOn(path, { ...place, signal, content: proven.content }, onRestored);
  }
  return proven;
}

/** Lets something be tried on a proven copy: on another one that is made of it beside it, and is gone afterwards. */
export async function tryOn(
  path: string,
  { signal, content, shown, server, remarks }: TrialPlace & {
    readonly signal: AbortSignal;
    readonly content: BackupContent;
  },
  onRestored: (trial: Trial) => Promise<void>,
): Promise<void> {
  const trial = `${path}-trial`;
  try {
    try {
      // It is flushed: else the first commit would wait until all of it is on the disk, with the lock.
      await copyLargeFile(path, trial, signal);
      if (server !== undefined) turnToWal(trial);
    } catch (error) {
      throw copyFailure(shown, error, [trial]);
    }
    const url = sqliteFileUrl(trial, `the copy of ${shown}`);
    const notRun = new Set<string>();
    await onRestored({
      content,
      url,
      options: server ?? {},
      hold: holdFile({ path: trial, was: path }),
      guard: (copy) => withinFile(copy, "the copy", notRun),
      get remarks() {
        return [...remarks, ...notRehearsed(notRun)];
      },
    });
  } finally {
    for (const ending of ["", ...sideFiles]) await removeLargeFile(trial + ending, signal);
  }
}

/** Servers have a WAL, whose locks keep no reader waiting and whose commits write less. */
function turnToWal(path: string): void {
  const file = new DatabaseSync(path);
  try {
    execute(file, "PRAGMA journal_mode = WAL");
  } finally {
    file.close();
  }
}
