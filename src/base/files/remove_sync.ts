import { unlinkSync } from "node:fs";

/**
 * Removes a file, if it is there, that is short, or was never read. Apart from `remove.ts`, whose modules of Node's take longer to
 * load than what a start needs of it.
 *
 * @throws The system's own errors
 */
export function removeFileSync(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    unlessMissing(error as NodeJS.ErrnoException);
  }
}

/** @throws {NodeJS.ErrnoException} The given one, unless it says that a file is not there */
export function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
