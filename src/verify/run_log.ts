import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { HarborError, messageOf } from "../base/errors.ts";
import { formatRunRecord, parseRunRecords, type RunRecord } from "./rules/run_record.ts";

/** So much of the log's end is read, in bytes: some hundred runs. */
const tailBytes = 256 * 1024;

/**
 * Reads the last runs of a log, the oldest first; none when there is no such file.
 *
 * @throws {HarborError} `file_failed`
 */
export function readRuns(path: string): readonly RunRecord[] {
  return parseRunRecords(useFile(path, "r", (file) => tailOf(file)) ?? "");
}

/**
 * Appends a run to a log, which is made where it does not exist. The line is written at once, so that runs which end
 * together do not mix, and begins a new one after a line that was cut off.
 *
 * @throws {HarborError} `file_failed`
 */
export function appendRun(path: string, record: RunRecord): void {
  useFile(path, "a+", (file) => {
    const { size } = fstatSync(file);
    const last = new Uint8Array(1);
    const isCut = size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
    writeSync(file, `${isCut ? "\n" : ""}${formatRunRecord(record)}`);
  });
}

function tailOf(file: number): string {
  const { size } = fstatSync(file);
  const bytes = new Uint8Array(Math.min(size, tailBytes));
  let filled = 0;
  while (filled < bytes.length) {
    const count = readSync(file, bytes, filled, bytes.length - filled, size - bytes.length + filled);
    if (count === 0) break;
    filled += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, filled));
}

function useFile<T>(path: string, flags: "r" | "a+", work: (file: number) => T): T | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, flags, 0o644);
    return work(file);
  } catch (error) {
    if (flags === "r" && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    const verb = flags === "r" ? "read" : "write";
    throw new HarborError("file_failed", `Cannot ${verb} "${path}": ${messageOf(error)}`, {
      hint: "Give a file in a folder that exists and that this user may write: --log",
      cause: error,
    });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
