import type { DatabaseUrl } from "../base/url/database_url.ts";
import type { TrialObstacle } from "../engines/backup/engine.ts";
import type { OnTrial } from "./copy_and_prove.ts";
import type { BackupRequest, MadeBackup } from "./make.ts";
import type { Found } from "../base/finding.ts";
import { type BackupList, hasWorkspaces, type Newest, type StoredBackup } from "./store/folder.ts";
import type { BackupPlace } from "./store/place.ts";
import type { BareBackup } from "./bare_file.ts";
import type { PruneRequest, PruneResult } from "./prune.ts";
import { type BackupOptions, openStore } from "./store/store.ts";
import type { Leftover } from "./store/workspace.ts";
import type { BackupVerification } from "./verify.ts";
import { HarborError } from "../base/errors.ts";
import type { Identity } from "../engines/backup/identity.ts";
import { counted } from "../base/quantity.ts";
import { isInFuture } from "./rules/manifest.ts";
import { isOf, mayBeOf } from "./rules/ownership.ts";
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
   * @throws {HarborError} `read_only` when there may be a newer one that this user may not read; `unknown_backup` when
   * there is none but those which may be its own
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
  /** See `listLeftovers`; of another place than the folder nothing is said. */
  leftovers(): Promise<readonly Leftover[]>;
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
  /** Perhaps of this database, which could not be asked, the newest first. */
  readonly perhaps: readonly StoredBackup[];
  /** Why nobody can tell whether there is any of this database; `null` where it is known. */
  readonly doubt: HarborError | null;
}

/** Opens the backups of a database. Nothing is read before it is asked for. */
export function openBackups(url: DatabaseUrl, options: BackupOptions): Backups {
  const store = openStore(url, options);
  const { database } = options;
  const { place } = store;
  const list = async (identity: Identity): Promise<OwnBackups> => {
    const found = await place.list();
    const owner = { ...identity, place: database };
    const ours = found.backups.filter(({ manifest }) => isOf(owner, manifest));
    const isLate = ({ manifest }: StoredBackup) => isInFuture(manifest.createdAt, store.now());
    const perhaps = found.backups.filter(({ manifest }) => mayBeOf(owner, manifest));
    return {
      ...found,
      own: ours.filter((each) => !isLate(each)),
      fromFuture: ours.filter(isLate),
      perhaps,
      doubt: ours.length === 0 && perhaps.length > 0 ? inDoubt(url, place.name, perhaps.length) : null,
    };
  };
  return {
    place,
    make: async (context, request) => (await import("./make.ts")).makeBackup(context, store, request),
    tryOnCopy: async (context, onTrial) =>
      (await import("./copy_and_prove.ts")).tryOnCopy(context, store, onTrial),
    trialObstacle: async () => await (await store.copier()).trialObstacle(),
    list,
    newest: async (identity) => {
      const newest = await place.newest(store.now(), {
        isMeant: (manifest) => isOf({ ...identity, place: database }, manifest),
        onForbidden: (error) => {
          throw error;
        },
      });
      if (identity.id !== undefined || newest.backup !== null || newest.unusable.length > 0) return newest;
      const { doubt } = await list(identity);
      if (doubt !== null) throw doubt;
      return newest;
    },
    look: place.look,
    verify: async (path, signal = store.signal) =>
      (await import("./verify.ts")).verifyBackup(path, { ...store, signal }),
    prune: async (request) => (await import("./prune.ts")).pruneBackups(store, request),
    leftovers: async () =>
      options.from === undefined && hasWorkspaces(options.folder)
        ? await (await import("./store/workspace.ts")).listLeftovers(options.folder, options.client)
        : [],
    lookAtBare: async (path) => (await import("./bare_file.ts")).lookAtBareFile(path, store),
    restore: async (context, request) =>
      (await import("./restore.ts")).restoreBackup(context, store, request),
  };
}

function inDoubt(url: DatabaseUrl, place: string, count: number): HarborError {
  return new HarborError(
    "unknown_backup",
    `Cannot tell whether a backup in "${place}" is of "${url.display}"`,
    {
      state: `none was made at this address, ${
        counted(count, "other")
      } may be of it, and the database could not be asked`,
      hint: "See of which database each is, and name one: harbor-db backup list --verbose",
      details: { folder: place, perhaps: count },
    },
  );
}
