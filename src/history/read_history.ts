import type { Dialect } from "../base/dialect.ts";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { buildHistory, type History } from "./history.ts";
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
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw noHistory(dir, "there is no such folder");
  }
  if (!existsSync(folder)) throw noHistory(dir, `it has no folder "${dialect}"`);
  return buildHistory(dialect, { folder, read: (path) => readIfThere(join(folder, path)) });
}

/** Returns the history of a dialect that is built into the binary. */
export function embeddedHistory(files: EmbeddedFiles, dialect: Dialect): History {
  return buildHistory(dialect, {
    folder: `drizzle/${dialect}`,
    read: (path) => files[`${dialect}/${path}`] ?? null,
  });
}

function noHistory(dir: string, state: string): HarborError {
  return new HarborError("bad_history", `Cannot read the history in "${dir}": ${state}`, {
    hint:
      "Give the folder in which drizzle-kit's folders for the dialects are: --dir <dir>; or leave it out.",
    details: { dir },
  });
}
