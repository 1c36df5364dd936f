import { statfs } from "node:fs/promises";
import { formatBytes } from "../quantity.ts";
import { HarborError } from "../errors.ts";

/**
 * Makes sure that a folder's device has room, before anything is written to it.
 *
 * @param hint The remedy, where it is no folder of backups that others may stand for
 * @throws {HarborError} `disk_full`
 */
export async function requireSpace(
  folder: string,
  bytes: number,
  hint = "Free some space (harbor-db backup prune), or put backups on another device: --backup-dir <dir>",
): Promise<void> {
  const free = await freeSpace(folder);
  if (bytes <= free) return;
  throw new HarborError(
    "disk_full",
    `Cannot write to "${folder}": it takes about ${formatBytes(bytes)}, and ${formatBytes(free)} are free`,
    { hint, details: { folder, needed: bytes, free } },
  );
}

/** Returns how many bytes a folder's device has left for this user; `Infinity` where the file system does not tell. */
export async function freeSpace(folder: string): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return blocks === 0 ? Infinity : bavail * bsize;
}
