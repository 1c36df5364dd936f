import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import * as v from "valibot";
import { flush, flushFolder } from "../base/files/flush.ts";
import { readIfThere } from "../base/files/read_if_there.ts";
import { scriptChecksum } from "../history/history.ts";
import { type FileChange, temporaryEnding, temporaryOf } from "./file_change.ts";

/** The list of what is being written. It is a temporary file, so that nobody else reads it. */
const listName = `.unfinished${temporaryEnding}`;

const checksum = v.nullable(v.string());

/** What a list says: the command that writes, and the checksums of each file before and behind it; `null` for none. */
const listForm = v.object({
  command: v.string(),
  files: v.array(v.object({ path: v.string(), before: checksum, after: checksum })),
});

/** Notes in a folder what is about to be written there: whoever finds it, when the writer was killed, ends it. */
export function noteWrite(dir: string, command: string, changes: readonly FileChange[]): void {
  const files = changes.map(({ path, text, before }) => ({
    path,
    before: sumOf(before),
    after: sumOf(text),
  }));
  const path = join(dir, listName);
  writeFileSync(path, JSON.stringify({ command, files }));
  flush(path);
  flushFolder(dir);
}

/** Whether a list is there: its writer is at work, or was killed. */
export function isWriteNoted(dir: string): boolean {
  return readIfThere(join(dir, listName)) !== null;
}

/** Takes the list away: all is written, or nothing is. */
export function forgetWrite(dir: string): void {
  rmSync(join(dir, listName), { force: true });
}

/**
 * Ends what a writer had begun that was killed, where each file still is what it left. To be called by who holds the
 * folder's lock.
 *
 * @returns The command that had begun it; `null` when there was nothing to end, or somebody changed the files since
 */
export function finishWrite(dir: string): string | null {
  const list = readList(dir);
  if (list === null) return null;
  const files = list.files.map((file) => ({ ...file, target: join(dir, file.path) }));
  const isAsLeft = files.every(({ path }) => isWithin(path)) && files.every(({ target, before, after }) => {
    const now = sumOf(readIfThere(target));
    return now === after ||
      now === before && (after === null || sumOf(readIfThere(temporaryOf(target))) === after);
  });
  if (!isAsLeft) {
    forgetWrite(dir);
    return null;
  }
  for (const { target, after } of files) {
    if (sumOf(readIfThere(target)) === after) continue;
    if (after === null) rmSync(target);
    else renameSync(temporaryOf(target), target);
    flushFolder(dirname(target));
  }
  forgetWrite(dir);
  return list.command;
}

/** A list may have come with somebody else's folder. */
function isWithin(path: string): boolean {
  return normalize(path) === path && !path.startsWith("/") && !path.split(/[\\/]/).includes("..");
}

/** Returns the list in a folder; `null` without one, and for one that its writer had not ended: nothing was written then. */
function readList(dir: string): v.InferOutput<typeof listForm> | null {
  const text = readIfThere(join(dir, listName));
  if (text === null) return null;
  try {
    return v.parse(listForm, JSON.parse(text));
  } catch {
    return null;
  }
}

function sumOf(text: string | null): string | null {
  return text === null ? null : scriptChecksum(text);
}
