import { isUtf8 } from "node:buffer";
import { mostBytes } from "./read_if_there.ts";
import { readRegularFile } from "./regular_file.ts";

/**
 * Says whether what `readIfThere` returns of a file is what stands in it: a byte that is not UTF-8 is read as U+FFFD, which
 * may stand in a text as well.
 *
 * @throws {HarborError} `file_failed` when it cannot be read, or is no ordinary file
 */
export function isUtf8File(path: string): boolean {
  return isUtf8(readRegularFile(path, mostBytes) ?? new Uint8Array());
}
