import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { withFolder } from "../databases.ts";

const shell = promisify(execFile);

/** Runs `work` with a folder on a disk of its own, which holds `kilobytes` and no more. Mounting takes root. */
export async function withSmallDisk<T>(kilobytes: number, work: (folder: string) => Promise<T>): Promise<T> {
  return await withFolder(async (folder) => {
    await shell("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder]);
    try {
      return await work(folder);
    } finally {
      await unmount(folder);
    }
  });
}

/** Whoever looks at all mounts of the machine at that moment (`df` of a test beside this one) keeps the disk busy. */
async function unmount(folder: string, attempts = 50): Promise<void> {
  try {
    await shell("umount", [folder]);
  } catch (error) {
    if (attempts === 1) throw error;
    await setTimeout(100);
    await unmount(folder, attempts - 1);
  }
}
