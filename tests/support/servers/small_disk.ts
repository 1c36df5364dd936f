import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { withFolder } from "../databases.ts";

/** Runs `work` with a folder on a disk of its own, which holds `kilobytes` and no more. Mounting takes root. */
export async function withSmallDisk<T>(kilobytes: number, work: (folder: string) => Promise<T>): Promise<T> {
  return await withFolder(async (folder) => {
    await promisify(execFile)("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder]);
    try {
      return await work(folder);
    } finally {
      await promisify(execFile)("umount", [folder]);
    }
  });
}
