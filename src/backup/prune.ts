import type { HarborError } from "../base/errors.ts";
import type { Identity } from "../engines/backup/identity.ts";
import { isBeforeAdoption, isInFuture } from "./rules/manifest.ts";
import { isOwnedBy } from "./rules/ownership.ts";
import {
  applyRetention,
  type RetentionCandidate,
  type RetentionPolicy,
  type RetentionVerdict,
} from "./rules/retention.ts";
import { isNamedByItself, type StoredBackup } from "./store/folder.ts";
import type { BackupStore } from "./store/store.ts";

export interface PruneRequest {
  /** What the database is known by. */
  readonly identity: Identity;
  /** The backup that this run made and proved. */
  readonly made?: string | undefined;
  readonly policy: RetentionPolicy;
  /** Whether to prune even the last way back to a revision. */
  readonly force: boolean;
  /** Says whether those that no rule keeps may be removed, before anything is. */
  readonly consent: (verdicts: readonly PruneVerdict[]) => Promise<boolean>;
  /** Whether to leave those alone that were made by `backup`, and not before a change. */
  readonly automaticOnly?: boolean;
}

/** A backup with what becomes of it, as retention judged. */
export type PruneVerdict = RetentionVerdict<StoredBackup & RetentionCandidate>;

export interface PruneResult {
  /** The newest first. */
  readonly verdicts: readonly PruneVerdict[];
  /** How many backups in the folder are not this database's to remove: of another one, or made at another place. */
  readonly others: number;
  /** One for each manifest that cannot be read; what it belongs to stays. */
  readonly problems: readonly HarborError[];
}

/**
 * Removes the backups of a database that no rule keeps; those of others in the folder are left alone, and those that it
 * may share with a copy of itself. Before one goes, all newer ones that are kept are read, since it goes for their sake.
 * The manifest goes first, so that an interruption leaves no backup that lacks its file.
 *
 * @throws {HarborError} `interrupted`, and what `consent` throws
 */
export async function pruneBackups(
  store: Pick<BackupStore, "place" | "database" | "signal" | "now">,
  request: PruneRequest,
): Promise<PruneResult> {
  const { place, database } = store;
  const { backups, problems } = await place.list();
  const owner = { ...request.identity, place: database };
  const ours = backups.filter((each) => isOwnedBy(owner, each.manifest) && isNamedByItself(each));
  const verdicts = await judge(ours, store, request);
  const removed = await request.consent(verdicts) ? verdicts.filter(({ keep }) => !keep) : [];
  for (const { backup } of removed) await place.remove(backup);
  return { verdicts, others: backups.length - ours.length, problems };
}

/** Applies the rules, and again without what turns out to be damaged. */
async function judge(
  ours: readonly StoredBackup[],
  store: Pick<BackupStore, "place" | "signal" | "now">,
  { policy, force, made, automaticOnly = false }: PruneRequest,
): Promise<readonly PruneVerdict[]> {
  const sound = new Map<string, boolean>(made === undefined ? [] : [[made, true]]);
  for (;;) {
    const candidates = ours.map((backup) => ({
      ...candidateOf(backup, store.now()),
      isProven: backup.isWhole && sound.get(backup.path) !== false,
      isMade: backup.path === made,
    }));
    const verdicts = applyRetention(candidates, policy, { force }).map((verdict) =>
      automaticOnly && verdict.backup.manifest.reason === "backup" && !verdict.keep
        ? { ...verdict, keep: true, reasons: ["made by hand"] }
        : verdict
    );
    const newer = verdicts.slice(0, verdicts.findLastIndex(({ keep }) => !keep) + 1);
    const unread = newer.filter(({ keep, backup }) => keep && backup.isProven && !sound.has(backup.path));
    if (unread.length === 0) return verdicts;
    for (const { backup } of unread) {
      sound.set(backup.path, (await store.place.look(backup, store.signal)).status === "pass");
    }
  }
}

function candidateOf(backup: StoredBackup, now: Date) {
  const { id, createdAt, sequence, revision, unfinished } = backup.manifest;
  const half = unfinished === null ? "" : `, half way to ${unfinished}`;
  return {
    ...backup,
    id,
    createdAt,
    sequence,
    isInFuture: isInFuture(createdAt, now),
    isBeforeAdoption: isBeforeAdoption(backup.manifest),
    boundary: `${revision ?? "no revision"}${half}`,
  };
}
