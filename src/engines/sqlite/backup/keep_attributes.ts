import { execFile } from "node:child_process";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  type Stats,
} from "node:fs";
import { HarborError } from "../../../base/errors.ts";
import { giveOpenFile, type Owner } from "../../../base/files/owner.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";

/** What a new file has that took no other one's place. */
const freshMode = 0o644;

/** The file that a new one is to be like. */
export interface Model {
  readonly path: string;
  /** The path as it may be shown. */
  readonly shown: string;
  readonly stat: Stats;
}

/**
 * Gives a new file the owner, rights, ACL and extended attributes of the one whose place it takes, and flushes it.
 *
 * No runtime reads attributes, so GNU's `cp` copies them. The old file is not opened here: closing it would drop the
 * locks that SQLite has on it.
 *
 * @param path Of a file in a folder that nobody else may write
 * @param model The old file; without one, the owner whom root makes it for
 * @returns What could not be kept, in words; `null` when all is
 * @throws {HarborError} `read_only` for a user who cannot give it to the same owner and group
 */
export async function keepAttributes(path: string, model: Model | Owner | null): Promise<string | null> {
  const file = openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  try {
    if (model === null || !("stat" in model)) {
      giveOpenFile(file, model);
      fchmodSync(file, freshMode);
      return null;
    }
    const { uid, gid, mode } = model.stat;
    const made = fstatSync(file);
    // Before the mode, of which a new owner takes bits away.
    if (made.uid !== uid || made.gid !== gid) giveLike(file, model);
    const problem = await copyAttributes(model.path, path);
    // Where there is an ACL, the group's bits are its mask.
    if ((fstatSync(file).mode & 0o7777) !== (mode & 0o7777)) fchmodSync(file, mode & 0o7777);
    return problem;
  } finally {
    fsyncSync(file);
    closeSync(file);
  }
}

/** Others may read and write the database by its group alone. */
function giveLike(file: number, { shown, stat: { uid, gid } }: Model): void {
  try {
    fchownSync(file, uid, gid);
  } catch (cause) {
    // The group of a file is its owner's to choose.
    const isOwner = fstatSync(file).uid === uid;
    throw new HarborError("read_only", `Cannot replace "${shown}"`, {
      state: `this user cannot make a file of user ${uid} and group ${gid}, as the old one is`,
      hint: [
        "Run as root, or as its owner in that group. The database is as it was.",
        ...isOwner ? [`Or give it this user's group: chgrp "$(id -g)" ${quoteForShell(shown)}`] : [],
      ],
      cause,
    });
  }
}

function copyAttributes(from: string, to: string): Promise<string | null> {
  const args = ["--attributes-only", "--no-dereference", "--preserve=mode,xattr", "--", from, to];
  return new Promise((resolve) => {
    execFile("cp", args, (error, _stdout, stderr) => {
      if (error === null) return resolve(null);
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const said = isMissing ? "there is no cp" : stderr.trim().split("\n", 1)[0] ?? "";
      resolve(`ACL and extended attributes were not kept, if there were any: ${said}`);
    });
  });
}
