import type { DatabaseUrl } from "../base/url/database_url.ts";
import type { TrialObstacle } from "../engines/backup/engine.ts";
import type { OnTrial } from "./copy_and_prove.ts";
import type { BackupRequest, MadeBackup } from "./make.ts";
import type { Found } from "../base/finding.ts";
import type { BackupList, Newest, StoredBackup } from "./store/folder.ts";
import type { BackupPlace } from "./store/place.ts";
import type { BareBackup } from "./bare_file.ts";
import type { PruneRequest, PruneResult } from "./prune.ts";
import { type BackupOptions, openStore } from "./store/store.ts";
import type { BackupVerification } from "./verify.ts";
import type { Identity } from "../engines/backup/identity.ts";
import { isInFuture } from "./rules/manifest.ts";
import { isOf } from "./rules/ownership.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { RestoreRequest, RestoreResult } from "./restore.ts";

/** The backups of a database. What each verb needs is loaded when it is called. */
export interface Backups {
  /** Where they are read and removed. */
  readonly place: BackupPlace;
  /** See `makeBackup`. */
  make(context: RunContext, request: BackupRequest): Promise<MadeBackup>;
  /** See `tryOnCopy`. */
  tryOnCopy(context: RunContext, onTrial: OnTrial): Promise<void>;
  /** Says what keeps a copy from being restored aside; see `BackupEngine.trialObstacle`. */
  trialObstacle(): Promise<TrialObstacle | null>;
  /** Lists what is there, and which of it is the database's own. */
  list(identity: Identity): Promise<OwnBackups>;
  /**
   * Returns the newest of the database's own that is whole.
   *
   * @throws {HarborError} `read_only` when there may be a newer one that this user may not read
   */
  newest(identity: Identity): Promise<Newest>;
  /** See `BackupPlace.look`. */
  look(backup: StoredBackup, signal: AbortSignal): Promise<Found>;
  /**
   * See `verifyBackup`.
   * @param signal Stops it before the user does
   */
  verify(path: string, signal?: AbortSignal): Promise<BackupVerification>;
  /** See `pruneBackups`. */
  prune(request: PruneRequest): Promise<PruneResult>;
  /** See `lookAtBareFile`. */
  lookAtBare(path: string): Promise<BareBackup>;
  /** See `restoreBackup`. */
  restore(context: RunContext | null, request: RestoreRequest): Promise<RestoreResult>;
}

/** What is there, and whose. */
export interface OwnBackups extends BackupList {
  /** Of this database, the newest first. */
  readonly own: readonly StoredBackup[];
  /** Of this database, with a date that is still to come. */
  readonly fromFuture: readonly StoredBackup[];
}

/** Opens the backups of a database. Nothing is read before it is asked for. */
export function openBackups(url: DatabaseUrl, options: BackupOptions): Backups {
  const store = openStore(url, options);
  const { database } = options;
  const { place } = store;
  return {
    place,
    make: async (context, request) => (await import("./make.ts")).makeBackup(context, store, request),
    tryOnCopy: async (context, onTrial) =>
      (await import("./copy_and_prove.ts")).tryOnCopy(context, store, onTrial),
    trialObstacle: async () => await (await store.copier()).trialObstacle(),
    list: async (identity) => {
      const list = await place.list();
      const ours = list.backups.filter(({ manifest }) => isOf({ ...identity, place: database }, manifest));
      const isLate = ({ manifest }: StoredBackup) => isInFuture(manifest.createdAt, store.now());
      return { ...list, own: ours.filter((each) => !isLate(each)), fromFuture: ours.filter(isLate) };
    },
    newest: (identity) =>
      place.newest(store.now(), {
        isMeant: (manifest) => isOf({ ...identity, place: database }, manifest),
        onForbidden: (error) => {
          throw error;
        },
      }),
    look: place.look,
    verify: async (path, signal = store.signal) =>
      (await import("./verify.ts")).verifyBackup(path, { ...store, signal }),
    prune: async (request) => (await import("./prune.ts")).pruneBackups(store, request),
    lookAtBare: async (path) => (await import("./bare_file.ts")).lookAtBareFile(path, store),
    restore: async (context, request) =>
      (await import("./restore.ts")).restoreBackup(context, store, request),
  };
}
