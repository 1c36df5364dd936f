import { rm } from "node:fs/promises";
import {
  applyRetention,
  type RetentionCandidate,
  type RetentionPolicy,
  type RetentionVerdict,
} from "./rules/retention.ts";
import { readBackups, type StoredBackup } from "./folder.ts";
import type { BackupStore } from "./store.ts";

export interface PruneRequest {
  readonly policy: RetentionPolicy;
  /** Whether to prune even the last way back to a revision. */
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Whether to leave those alone that were made by `backup`, and not before a change. */
  readonly automaticOnly?: boolean;
}

/** A backup with what becomes of it, as retention judged. */
export type PruneVerdict = RetentionVerdict<StoredBackup & RetentionCandidate>;

export interface PruneResult {
  /** The newest first. */
  readonly verdicts: readonly PruneVerdict[];
  /** How many backups of other databases are in the folder. */
  readonly others: number;
}

/**
 * Removes the backups of a database that no rule keeps; those of others in the folder are left alone. The manifest goes first, so that an interruption leaves no
 * backup that lacks its file.
 */
export async function pruneBackups(
  { folder, database }: Pick<BackupStore, "folder" | "database">,
  { policy, force, dryRun, automaticOnly = false }: PruneRequest,
): Promise<PruneResult> {
  const { backups } = readBackups(folder);
  const ours = backups.filter(({ manifest }) => manifest.database === database);
  const verdicts = applyRetention(ours.map(candidateOf), policy, { force }).map((verdict) =>
    automaticOnly && verdict.backup.manifest.reason === "backup" && !verdict.keep
      ? { ...verdict, keep: true, reasons: ["made by hand"] }
      : verdict
  );
  for (const { backup, keep } of dryRun ? [] : verdicts) {
    if (keep) continue;
    await rm(backup.manifestPath, { force: true });
    await rm(backup.path, { force: true });
  }
  return { verdicts, others: backups.length - ours.length };
}

function candidateOf(backup: StoredBackup) {
  const { id, createdAt, revision, unfinished } = backup.manifest;
  const half = unfinished === null ? "" : `, half way to ${unfinished}`;
  return {
    ...backup,
    id,
    createdAt,
    boundary: `${revision ?? "no revision"}${half}`,
    isProven: backup.isWhole,
  };
}
