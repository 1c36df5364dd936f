import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HarborError, messageOf } from "../errors.ts";

/**
 * Puts a text in the place of a file, so that a reader sees the old one or the new one and never a part.
 *
 * @param pid Names the temporary file, so that two writers do not share one
 * @param mode Its rights; left out, they are what the process gives to new files
 * @throws {HarborError} `file_failed`
 */
export function replaceFile(
  path: string,
  text: string,
  { pid, mode }: { readonly pid: number; readonly mode?: number },
): void {
  // It neither ends nor begins like what programs look for in the folder.
  const temporary = join(dirname(path), `.${basename(path)}.${pid}.tmp`);
  try {
    writeFileSync(temporary, text);
    if (mode !== undefined) chmodSync(temporary, mode);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new HarborError("file_failed", `Cannot write "${path}": ${messageOf(error)}`, {
      hint: "Give a folder that exists and that this user may write.",
      cause: error,
    });
  }
}
