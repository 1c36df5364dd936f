import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { HarborError, messageOf } from "../errors.ts";
import { makePrivateFolder, type OpenFolder, trustedPath, withOpenFolder } from "./open_folder.ts";
import { giveOpenFile, type Owner, ownerFor } from "./owner.ts";
import { type OwnFile, refuseToWriteOther, requireOwn } from "./regular_file.ts";
import { limitRemedy } from "./limit_remedy.ts";
import { removeFileSync } from "./remove_sync.ts";

/**
 * Puts a text in the place of a file, so that a reader sees the old one or the new one and never a part, also after a crash. It is
 * written in a folder of its own that nobody else can reach into, also in a folder that belongs to somebody else; what root
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
    if (own !== undefined) requireOwn(folder.path(name), path, own);
    const file = { text, mode, owner: ownerFor(folder.path(".")) };
    withNewFile(folder, file, (written) => renameSync(written, folder.path(name)));
  });
}

/**
 * Makes a file that is not there yet: all of it, or nothing. On a file system without hard links a process that is killed at that
 * very moment leaves an empty one.
 *
 * @throws {HarborError} `file_failed`, also when it is there; `unsafe_path`
 */
export function createFile(path: string, text: string, { mode }: { readonly mode: number }): void {
  inTrustedFolder(path, (folder, name) => {
    withNewFile(folder, { text, mode, owner: null }, (written) => nameAnew(written, folder.path(name)));
  });
}

/** What systems say that have no second names: FAT, some network file systems, folders of a container's host. */
const linkless: readonly string[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

function nameAnew(written: string, path: string): void {
  try {
    // Unlike a new name, a second one takes the place of nothing.
    return linkSync(written, path);
  } catch (error) {
    if (!linkless.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  // An empty one holds the name.
  closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  try {
    renameSync(written, path);
  } catch (error) {
    removeFileSync(path);
    throw error;
  }
}

interface NewFile {
  readonly text: string;
  readonly mode: number | undefined;
  readonly owner: Owner | null;
}

/** Writes a file aside, and has it named when all of it is on the disk. */
function withNewFile(folder: OpenFolder, file: NewFile, name: (written: string) => void): void {
  // It neither ends nor begins like what programs look for in the folder.
  const aside = makePrivateFolder(folder, ".harbor-db-");
  try {
    writeNew(aside.path("new"), file);
    name(aside.path("new"));
    folder.flush();
  } finally {
    aside.remove();
  }
}

function writeNew(path: string, { text, mode, owner }: NewFile): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode ?? 0o666);
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    giveOpenFile(file, owner);
    if (mode !== undefined) fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function inTrustedFolder(path: string, work: (folder: OpenFolder, name: string) => void): void {
  try {
    refuseToWriteOther(path);
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
