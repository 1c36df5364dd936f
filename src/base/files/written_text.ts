import { HarborError } from "../errors.ts";
import { mostBytes } from "./read_if_there.ts";
import { readRegularFile } from "./regular_file.ts";

/**
 * Returns what UTF-8 bytes say.
 *
 * @param refusal The error for bytes of which something else would be read than somebody wrote
 */
export function writtenText(bytes: Uint8Array, refusal: (state: string) => HarborError): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below.
  }
  throw refusal(`it is ${bytes.includes(0) ? "UTF-16 or no text" : "not UTF-8"}`);
}

/**
 * Reads a text that somebody wrote by hand, which says what is done.
 *
 * @returns `undefined` when there is no such file
 * @throws {HarborError} `file_failed` also for one that is not UTF-8
 */
export function readWrittenText(path: string, most: number): string | undefined {
  const bytes = readRegularFile(path, most);
  return bytes &&
    writtenText(
      bytes,
      (state) =>
        new HarborError("file_failed", `Cannot read "${path}"`, { state, hint: "Save it as UTF-8." }),
    );
}

/** The same of a file beside the history, or `null` where there is none. */
export function readIfWritten(path: string): string | null {
  return readWrittenText(path, mostBytes) ?? null;
}
