import type { DatabaseUrl } from "../base/url/database_url.ts";
import type { BackupRequest, MadeBackup } from "./make.ts";
import { type BackupList, findBackup, newestBackup, readBackups, type StoredBackup } from "./folder.ts";
import type { PruneRequest, PruneResult } from "./prune.ts";
import { type BackupOptions, openStore } from "./store.ts";
import type { BackupVerification } from "./verify.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { RestoreRequest, RestoreResult } from "./restore.ts";

/** The backups of a database. What each verb needs is loaded when it is called. */
export interface Backups {
  readonly folder: string;
  /** See `makeBackup`. */
  make(context: RunContext, request: BackupRequest): Promise<MadeBackup>;
  /** Lists what is in the folder, and which of it is the database's own. */
  list(): BackupList & { readonly own: readonly StoredBackup[] };
  /** Returns the newest of the database's own that is whole. */
  newest(): StoredBackup | null;
  /** See `findBackup`. */
  find(name: string, cwd: string): string;
  /**
   * See `verifyBackup`.
   * @param signal Stops it before the user does
   */
  verify(path: string, signal?: AbortSignal): Promise<BackupVerification>;
  /** See `pruneBackups`. */
  prune(request: PruneRequest): Promise<PruneResult>;
  /** See `restoreBackup`. */
  restore(context: RunContext | null, request: RestoreRequest): Promise<RestoreResult>;
}

/** Opens the backups of a database. Nothing is read before it is asked for. */
export function openBackups(url: DatabaseUrl, options: BackupOptions): Backups {
  const store = openStore(url, options);
  const { folder, database } = options;
  return {
    folder,
    make: async (context, request) => (await import("./make.ts")).makeBackup(context, store, request),
    list: () => {
      const list = readBackups(folder);
      return { ...list, own: list.backups.filter(({ manifest }) => manifest.database === database) };
    },
    newest: () => newestBackup(folder, database),
    find: (name, cwd) => findBackup(name, { folder, cwd }),
    verify: async (path, signal = store.signal) =>
      (await import("./verify.ts")).verifyBackup(path, { ...store, signal }),
    prune: async (request) => (await import("./prune.ts")).pruneBackups(store, request),
    restore: async (context, request) =>
      (await import("./restore.ts")).restoreBackup(context, store, request),
  };
}
