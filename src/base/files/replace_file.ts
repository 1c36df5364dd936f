import { closeSync, constants, fchmodSync, lstatSync, openSync, renameSync, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import { HarborError, messageOf } from "../errors.ts";
import { makePrivateFolder, type OpenFolder, trustedPath, withOpenFolder } from "./open_folder.ts";
import { giveOpenFile, type Owner, ownerFor } from "./owner.ts";
import { otherKind, type OwnFile, requireOwn } from "./regular_file.ts";
import { limitRemedy } from "./limit_remedy.ts";

/**
 * Puts a text in the place of a file, so that a reader sees the old one or the new one and never a part. It is written
 * in a folder of its own that nobody else can reach into, also in a folder that belongs to somebody else; what root
 * writes there belongs to the folder's owner.
 *
 * @param mode Its rights; left out, they are what the process gives to new files
 * @param own What alone is replaced, where the path is what a user says
 * @throws {HarborError} `file_failed`, also when something else than a file stands there; `unsafe_path`
 */
export function replaceFile(
  path: string,
  text: string,
  { mode, own }: { readonly mode?: number; readonly own?: OwnFile } = {},
): void {
  inTrustedFolder(path, (folder, name) => {
    const there = lstatSync(folder.path(name), { throwIfNoEntry: false });
    const kind = there === undefined ? null : otherKind(there);
    if (kind !== null) throw new Error(`it is ${kind}`);
    if (own !== undefined) requireOwn(folder.path(name), path, own);
    // It neither ends nor begins like what programs look for in the folder.
    const aside = makePrivateFolder(folder, ".harbor-db-");
    try {
      writeNew(aside.path("new"), text, { mode, owner: ownerFor(folder.path(".")) });
      renameSync(aside.path("new"), folder.path(name));
    } finally {
      aside.remove();
    }
  });
}

/**
 * Makes a file that is not there yet.
 *
 * @throws {HarborError} `file_failed`, also when it is there; `unsafe_path`
 */
export function createFile(path: string, text: string, { mode }: { readonly mode: number }): void {
  inTrustedFolder(path, (folder, name) => writeNew(folder.path(name), text, { mode, owner: null }));
}

function writeNew(
  path: string,
  text: string,
  { mode, owner }: { readonly mode: number | undefined; readonly owner: Owner | null },
): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode ?? 0o666);
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    giveOpenFile(file, owner);
    if (mode !== undefined) fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

function inTrustedFolder(path: string, work: (folder: OpenFolder, name: string) => void): void {
  try {
    const real = trustedPath(path);
    withOpenFolder(dirname(real), (folder) => work(folder, basename(real)));
  } catch (error) {
    if (error instanceof HarborError) throw error;
    throw new HarborError("file_failed", `Cannot write "${path}": ${messageOf(error)}`, {
      hint: limitRemedy(error) ?? "Give a folder that exists and that this user may write.",
      cause: error,
    });
  }
}
