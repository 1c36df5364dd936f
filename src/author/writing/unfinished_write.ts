import { renameSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import * as v from "valibot";
import { flush, flushFolder } from "../../base/files/flush.ts";
import { readIfThere } from "../../base/files/read_if_there.ts";
import { removeFileSync } from "../../base/files/remove_sync.ts";
import { scriptChecksum } from "../../history/history.ts";
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
  removeFileSync(join(dir, listName));
}

/**
 * Ends what a writer had begun that was killed, where each file still is what it left. To be called by who holds the
 * folder's lock.
 *
 * @returns The command that had begun it; `null` when there was nothing to end, or somebody changed the files since
 */
export function finishWrite(dir: string): string | null {
  const write = readUnfinished(dir);
  for (const { path, isDone, after } of write?.files ?? []) {
    const target = join(dir, path);
    if (isDone) continue;
    if (after === null) removeFileSync(target);
    else renameSync(temporaryOf(target), target);
    flushFolder(dirname(target));
  }
  forgetWrite(dir);
  return write?.command ?? null;
}

/** What is being written in a folder, or was when its writer was killed. */
export interface UnfinishedWrite {
  readonly command: string;
  readonly files: readonly {
    readonly path: string;
    readonly after: string | null;
    /** Whether it is as the writer leaves it. */
    readonly isDone: boolean;
  }[];
}

/**
 * Returns what is being written in a folder, or was when its writer was killed; `null` for nothing, and where somebody changed
 * the files since. Changes nothing.
 */
export function readUnfinished(dir: string): UnfinishedWrite | null {
  const list = readList(dir);
  if (list === null || !list.files.every(({ path }) => isWithin(path))) return null;
  const files = list.files.map((file) => {
    const target = join(dir, file.path);
    const now = sumOf(readIfThere(target));
    const isDone = now === file.after;
    const isReady = file.after === null || sumOf(readIfThere(temporaryOf(target))) === file.after;
    return { ...file, isDone, isAsLeft: isDone || now === file.before && isReady };
  });
  return files.every(({ isAsLeft }) => isAsLeft) ? { command: list.command, files } : null;
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
