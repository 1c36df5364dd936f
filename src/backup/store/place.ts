import type { Found } from "../../base/finding.ts";
import type { BackupList, Newest, StoredBackup, Wanted } from "./folder.ts";

/** Where backups are: a folder of this machine, or a bucket. What a verb does with them is the same in each. */
export interface BackupPlace {
  /** As messages call it; paths of what is in it begin so. */
  readonly name: string;
  /** As the record of deliveries names it: never the same for two places. */
  readonly recorded: string;
  /** As a command line has to name it. */
  readonly written: string;
  /** Lists what has a manifest, the newest first. A place that is not there has none. */
  list(): Promise<BackupList>;
  /** Returns the newest that is whole and meant, without reading more manifests than it takes. */
  newest(now: Date, wanted: Wanted): Promise<Newest>;
  /**
   * Finds the one that a user means: its path, its manifest's, or its id or the beginning of one.
   *
   * @param cwd What a relative path is meant from
   * @throws {HarborError} `unknown_backup`
   */
  find(name: string, cwd: string): Promise<string>;
  /**
   * Reads the manifest of the file at a path of this place.
   *
   * @param signal Stops it before the user does
   * @throws {HarborError} `damaged_backup` when there is none that can be trusted
   */
  read(path: string, signal?: AbortSignal): Promise<StoredBackup>;
  /** Compares a file with its manifest, as far as the place can without sending all of it. */
  look(backup: StoredBackup, signal: AbortSignal): Promise<Found>;
  /** Runs work with a file of this machine that was compared with the manifest to the last byte. */
  withFile<T>(
    backup: StoredBackup,
    signal: AbortSignal,
    work: (file: ComparedFile) => Promise<T>,
  ): Promise<T>;
  /** Removes one: its manifest first, so that an interruption leaves no backup that lacks its file. */
  remove(backup: StoredBackup): Promise<void>;
}

/** A file that can be read on this machine. */
export interface ComparedFile {
  readonly path: string;
  /** What the comparison found; what did not pass is not to be read. */
  readonly found: Found;
}
