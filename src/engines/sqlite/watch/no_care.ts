import type { DatabaseSync } from "node:sqlite";
import { flush } from "../../../base/files/flush.ts";
import { execute, isWalMode, mostMappedBytes, prepare } from "../connection/open_file.ts";

/**
 * Waits for no disk, and keeps some in memory of what a large transaction would write to the log again and again. What is not
 * in the log is read where the system has it; that ends the process where it cannot be read, but it was just written.
 *
 * @returns What takes care again, as before
 */
export function takeNoCare(handle: DatabaseSync): () => void {
  const settings = {
    synchronous: "OFF",
    mmap_size: mostMappedBytes,
    // In kB. What SQLite sorts by takes as much again, and so does a thread that writes.
    cache_size: -8192,
  };
  const before = Object.keys(settings).map((name) => ({ name, value: readSetting(handle, name) }));
  for (const [name, value] of Object.entries(settings)) execute(handle, `PRAGMA ${name} = ${value}`);
  return () => {
    for (const { name, value } of before) {
      if (value !== undefined) execute(handle, `PRAGMA ${name} = ${value}`);
    }
  };
}

/** Returns no value where a build of SQLite does not have the setting. */
function readSetting(handle: DatabaseSync, name: string): unknown {
  return prepare(handle, `PRAGMA ${name}`).get()?.[name];
}

/**
 * Brings what was written without care to the disk, and out of the log: else the next one's first commit would.
 *
 * @param path Of a file that nothing else in this process has open: to close it lets go of all locks that this process has on it
 */
export function catchUp(handle: DatabaseSync, path: string): void {
  if (isWalMode(handle)) execute(handle, "PRAGMA wal_checkpoint(TRUNCATE)");
  else flush(path);
}
