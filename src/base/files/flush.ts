import { closeSync, fsyncSync, openSync } from "node:fs";

/** Waits until what was written to a file is on the disk. */
export function flush(path: string): void {
  sync(path, "r+");
}

/** What systems say that flush no folders: Windows, some network file systems. */
const unflushable = ["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EBADF"];

/** Waits until a folder's list of files is on the disk, where the system can do that. */
export function flushFolder(path: string): void {
  try {
    sync(path, "r");
  } catch (error) {
    if (!unflushable.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

function sync(path: string, flags: "r" | "r+"): void {
  const handle = openSync(path, flags);
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
