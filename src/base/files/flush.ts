import { closeSync, fsyncSync, openSync } from "node:fs";

/** Waits until what was written to a file is on the disk. */
export function flush(path: string): void {
  sync(path, "r+");
}

/** What systems say that flush no folders: Windows, some network file systems. */
const unflushable: readonly string[] = ["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP", "EBADF"];

/** Whether an error says that the system cannot open or flush a folder. */
export function isUnflushable(error: unknown): boolean {
  return unflushable.includes((error as NodeJS.ErrnoException).code ?? "");
}

/** Waits until a folder's list of files is on the disk, where the system can do that. */
export function flushFolder(path: string): void {
  try {
    sync(path, "r");
  } catch (error) {
    if (!isUnflushable(error)) throw error;
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
