import { readFileSync } from "node:fs";
import { HarborError, messageOf } from "../errors.ts";
import { readingHint } from "./owner.ts";

/**
 * Reads a text file; `null` when there is none.
 *
 * @throws {HarborError} `file_failed`
 */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw new HarborError("file_failed", `Cannot read "${path}": ${messageOf(error)}`, {
      hint: readingHint(path, error),
      cause: error,
    });
  }
}
