import { readRegularText } from "./regular_file.ts";

/** More bytes than any file that is read so should have. */
export const mostBytes = 2 ** 28;

/**
 * Reads a text, or `null` where there is none.
 *
 * @throws {HarborError} `file_failed` when it cannot be read, or is no ordinary file
 */
export function readIfThere(path: string): string | null {
  return readRegularText(path, mostBytes) ?? null;
}
