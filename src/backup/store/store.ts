import { dirname, resolve } from "node:path";
import type { BackupEngineName } from "../../engines/backup/content.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import type { Environment } from "../../base/env_file.ts";
import { type Owner, ownerFor } from "../../base/files/owner.ts";
import type { BackupEngine } from "../../engines/backup/engine.ts";
import type { Client } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Encoding } from "../rules/encoding.ts";
import { folderPlace } from "./folder_place.ts";
import type { BackupPlace } from "./place.ts";

/** Where the backups of a database go, how they are made and how they are read. */
export interface BackupOptions extends Pick<RunContext, "signal" | "now" | "notify"> {
  /** Where copies are made, and what of them has to be decoded. Made when it is not there, for this user only. */
  readonly folder: string;
  /** Where backups are read and removed; the folder when it is left out. */
  readonly from?: BackupPlace;
  /** Stands for the database in manifests: its address without a password, the same from wherever it is called. */
  readonly database: string;
  /** Stands for the database in file names: `openharbor`. */
  readonly name: string;
  /** The engine that is wanted; `null` takes the best there is. */
  readonly engine: BackupEngineName | null;
  readonly encoding: Encoding;
  /** The file with what can decrypt backups, as age writes identities; `null` when none is given. */
  readonly identityFile: string | null;
  readonly client: Client;
  /** Where PATH is looked up. */
  readonly environment: Environment;
}

/** The options, with the engines of the database. */
export interface BackupStore extends BackupOptions {
  readonly url: DatabaseUrl;
  /** Where backups are read and removed. */
  readonly place: BackupPlace;
  /**
   * Opens the engine that makes copies, once.
   * @throws {HarborError} `bad_config`, `backup_failed`
   */
  copier(): Promise<BackupEngine>;
  /**
   * Opens the engine that can prove a copy and restore it.
   * @throws {HarborError} `bad_config` when the copy is that of another kind of database
   */
  restorer(made: BackupEngineName): Promise<BackupEngine>;
  /**
   * Reads what can decrypt backups.
   * @throws {HarborError} `bad_config`
   */
  identities(): Promise<readonly string[]>;
}

/** Returns whom a backup belongs to that root makes: the owner of the database, or of the folder. */
export function backupOwner({ url, folder }: Pick<BackupStore, "url" | "folder">): Owner | null {
  if (!url.isFile) return ownerFor(folder, dirname(folder));
  const path = resolve(url.path);
  return ownerFor(path, dirname(path));
}

/** Says where backups are; opens and reads nothing yet. */
export function openStore(url: DatabaseUrl, options: BackupOptions): BackupStore {
  const { client, environment, engine, identityFile } = options;
  const place = { url, client, environment };
  let copier: Promise<BackupEngine> | undefined;
  return {
    ...options,
    url,
    place: options.from ?? folderPlace(options.folder),
    copier: () =>
      copier ??= import("../../engines/open/backup_engine.ts").then((db) =>
        db.openBackupEngine(place, engine)
      ),
    restorer: async (made) =>
      await (await import("../../engines/open/backup_engine.ts")).openEngineFor(made, place),
    identities: async () =>
      identityFile === null ? [] : (await import("./codec.ts")).readIdentities(identityFile),
  };
}
