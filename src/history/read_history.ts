import type { Dialect } from "../base/dialect.ts";
import { type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarborError, messageOf } from "../base/errors.ts";
import { buildHistory, type History } from "./history.ts";
import { readingHint } from "../base/files/owner.ts";
import { readIfThere } from "../base/files/read_if_there.ts";

/** A history's files as they are built into the binary: path below `drizzle/` → text. */
export type EmbeddedFiles = Readonly<Record<string, string>>;

/**
 * Reads the history of a dialect from a `drizzle/` folder.
 *
 * @throws {HarborError} `bad_history` when the folder is missing, empty or broken
 */
export function readHistory(dir: string, dialect: Dialect): History {
  const folder = join(dir, dialect);
  if (!statOf(dir)?.isDirectory()) {
    throw noHistory(dir, "there is no such folder");
  }
  if (statOf(folder) === undefined) throw noHistory(dir, `it has no folder "${dialect}"`);
  return buildHistory(dialect, { folder, read: (path) => readIfThere(join(folder, path)) });
}

/** Returns the history of a dialect that is built into the binary. */
export function embeddedHistory(files: EmbeddedFiles, dialect: Dialect): History {
  return buildHistory(dialect, {
    folder: `drizzle/${dialect}`,
    read: (path) => files[`${dialect}/${path}`] ?? null,
  });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new HarborError("bad_history", `Cannot read the history in "${path}": ${messageOf(error)}`, {
      hint: readingHint(dirname(path), error),
      cause: error,
    });
  }
}

function noHistory(dir: string, state: string): HarborError {
  return new HarborError("bad_history", `Cannot read the history in "${dir}": ${state}`, {
    hint:
      "Give the folder in which drizzle-kit's folders for the dialects are: --dir <dir>; or leave it out.",
    details: { dir },
  });
}
