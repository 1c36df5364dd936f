import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { withFolder } from "./databases.ts";

/** A user of the system, who is not root. */
export interface OtherUser {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** What {@link withOwner} gives. */
export interface Owned {
  /** Belongs to that user. */
  readonly folder: string;
  /** For the `as` of `runCli`. */
  readonly as: OtherUser;
}

/** `nobody` on Debian. */
const nobody = { uid: 65534, gid: 65534 };

/** Runs `work`, as root, with a folder that belongs to another user. Takes root. */
export async function withOwner<T>(work: (owned: Owned) => Promise<T>): Promise<T> {
  return await withFolder(async (parent) => {
    const [folder, home] = ["app", "home"].map((name) => join(parent, name)) as [string, string];
    for (const path of [folder, home]) await mkdir(path);
    for (const path of [parent, folder, home]) await chown(path, nobody.uid, nobody.gid);
    await chmod(parent, 0o755);
    // Deno asks the mode alone whether a file may be written, and so keeps root out.
    await chmod(folder, 0o777);
    return await work({ folder, as: { ...nobody, home } });
  });
}
