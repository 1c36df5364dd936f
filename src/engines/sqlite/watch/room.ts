import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Room } from "../../database.ts";
import { spaceOf } from "./batch.ts";
import { isWalMode } from "../connection/open_file.ts";

/**
 * Returns how much fits into a file until its device is full; `null` where the file system does not tell.
 *
 * Beside a write-ahead log everything is written twice: into the log, and at a checkpoint into the file, which takes it into its
 * free pages first. With a rollback journal, free pages cost nothing.
 */
export function roomOf(handle: DatabaseSync, path: string): Room | null {
  const folder = dirname(path);
  const { bavail, blocks, bsize } = statfsSync(folder);
  if (blocks === 0) return null;
  const device = bavail * bsize;
  const pragma = (name: string) => Number(handle.prepare(`PRAGMA ${name}`).get()?.[name]);
  const inFile = pragma("freelist_count") * pragma("page_size");
  const onDevice = isWalMode(handle) ? device + spaceOf(path).logBytes : null;
  const after = (taken: number) => {
    const left = inFile - taken;
    if (onDevice === null) return Math.max(0, device + left);
    const [forFile, forBoth] = [Math.max(0, left), Math.max(0, onDevice + Math.min(0, left))];
    return forBoth <= forFile ? forBoth : (forBoth + forFile) / 2;
  };
  return { folder, bytes: after(0), after };
}
