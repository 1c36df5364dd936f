import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { HarborError } from "../base/errors.ts";
import { readRegularText } from "../base/files/regular_file.ts";
import { replaceFile } from "../base/files/replace_file.ts";
import { removeFileSync } from "../base/files/remove_sync.ts";
import { oneOf, parseJson, readAs } from "../base/json_schema.ts";
import { once } from "../base/once_for.ts";

const changes = ["upgrade", "downgrade", "adopt", "restore"] as const;

/** What is being done to the database; `restore` is the way back from one of the others. */
export type Change = (typeof changes)[number];

const form = once(() =>
  v.pipe(
    v.object({
      /** When the command of `--before` was begun, ISO 8601 UTC. */
      since: v.string(),
      /** What it was for. */
      change: oneOf(changes),
      host: v.string(),
      pid: v.number(),
    }),
    v.readonly(),
  )
);

/** A change for which the command of `--before` was begun and that of `--after` did not end well: the application may be stopped. */
export type DueAfter = v.InferOutput<ReturnType<typeof form>>;

/** What is longer was not written here. */
const mostBytes = 4_096;

/** Writes down that the command of `--after` is due. */
export function noteDue(path: string, due: DueAfter): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  replaceFile(path, `${JSON.stringify(due)}\n`, { mode: 0o600 });
}

/** Returns whether the command of `--after` is due; `null` when it is not, or nothing that can be read says so. */
export function readDue(path: string): DueAfter | null {
  const wrong = (field: string, state: string) => new HarborError("file_failed", `${field} ${state}`);
  try {
    const text = readRegularText(path, mostBytes);
    return text === undefined ? null : readAs(form(), parseJson(text, wrong), wrong);
  } catch {
    return null;
  }
}

/** Writes down that it is not due any more. */
export function clearDue(path: string): void {
  removeFileSync(path);
}
