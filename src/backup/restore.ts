import { HarborError } from "../base/errors.ts";
import type { RestoreOptions } from "../engines/backup_engine.ts";
import { type BackupSetting, makeBackup } from "./make.ts";
import { isEmptyDatabase } from "./position.ts";
import { progressOf } from "./progress.ts";
import type { StoredBackup } from "./folder.ts";
import { type VerifyBackupSetting, withProvenCopy } from "./verify.ts";
import type { RunContext } from "../engines/run_context.ts";
import { lockOptions } from "../state/lock_options.ts";

export interface RestoreRequest {
  readonly backup: StoredBackup;
  /** How the backup is read; its engine is for the database which is replaced, and restores it. */
  readonly reading: VerifyBackupSetting;
  /** Where the safety backup goes, and the engine that makes it of the database which is replaced. */
  readonly safety: BackupSetting;
  /** Whether what is replaced is backed up. */
  readonly keepsOld: boolean;
  readonly lockWaitMs: number;
}

export interface RestoreResult {
  /** Where the database is now; `null` for base. */
  readonly revision: string | null;
  readonly unfinished: string | null;
  /** The file that holds what was replaced; `null` when there was nothing. */
  readonly safetyBackup: string | null;
}

/**
 * Puts a backup in the place of the database, all of it or nothing.
 *
 * The backup is proven first; then, under the lock, what is about to be replaced is backed up.
 *
 * @param context `null` when there is no database, or what is there cannot be opened as one
 * @throws {HarborError} `damaged_backup`, `in_use`, `locked`, `backup_failed` …; the old database is then as it was
 */
export async function restoreBackup(
  context: RunContext | null,
  request: RestoreRequest,
): Promise<RestoreResult> {
  const { backup, reading, safety } = request;
  // Another harbor-db uses it too, and is waited for below.
  const isLocked = await context?.database.lockHolder() !== undefined;
  if (!isLocked) await safety.engine.refuseIfInUse?.();
  return await withProvenCopy(backup, reading, async (copy, engine) => {
    const replace = async (database: RestoreOptions["database"]) => {
      const safetyBackup = request.keepsOld ? await keepOld(context, safety) : null;
      await engine.restore(copy, reading.signal, {
        database,
        onProgress: progressOf(reading, "restoring"),
        onRemark: (text) => reading.notify({ kind: "note", text }),
      });
      const { revision, unfinished } = backup.manifest;
      return { revision, unfinished, safetyBackup };
    };
    if (context === null) return await replace(null);
    const { database } = context;
    return await database.withLock(() => replace(database), lockOptions(context, request.lockWaitMs));
  });
}

/** Backs up what is about to be replaced; what is too damaged for that is kept as it is, where an engine can. */
async function keepOld(context: RunContext | null, safety: BackupSetting): Promise<string | null> {
  const { engine } = safety;
  try {
    if (context === null) throw new HarborError("not_a_database", "Cannot back up what cannot be opened");
    if (await isEmptyDatabase(context)) return null;
    return (await makeBackup(context, safety, { reason: "before restore", mayReuse: true })).path;
  } catch (error) {
    const isDamaged = error instanceof HarborError &&
      ["not_a_database", "backup_failed"].includes(error.code);
    if (!isDamaged || engine.setAside === undefined) throw error;
    return await engine.setAside();
  }
}
