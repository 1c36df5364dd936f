import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Disk, Storage } from "../../verify/page/page.ts";

/**
 * Reads how large a database file is and what is free on the disks of it and of its backups, for the page.
 *
 * @param file The database file; `null` when a server keeps the database
 */
export function readStorage(file: string | null, backupFolder: string): Storage {
  const main = file === null ? null : placeOf(dirname(file));
  const backups = placeOf(backupFolder);
  const sizes = file === null
    ? []
    : [file, `${file}-wal`, `${file}-journal`].flatMap((path) => ifKnown(() => [statSync(path).size]) ?? []);
  return {
    fileBytes: sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0),
    disk: main?.disk ?? null,
    backupDisk: backups === null || backups.device === main?.device ? null : backups.disk,
  };
}

function placeOf(folder: string): { readonly device: number; readonly disk: Disk } | null {
  return ifKnown(() => {
    const { bavail, blocks, bsize } = statfsSync(folder);
    // Some file systems do not tell.
    if (blocks === 0) return null;
    return { device: statSync(folder).dev, disk: { free: bavail * bsize, total: blocks * bsize } };
  });
}

/** What cannot be looked at is left out: the checks say what is wrong. */
function ifKnown<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
