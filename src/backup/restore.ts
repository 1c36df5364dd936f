import { HarborError } from "../base/errors.ts";
import type { RestoreOptions } from "../engines/backup/engine.ts";
import { makeBackup } from "./make.ts";
import { isEmptyDatabase } from "./position.ts";
import { startMeter } from "../engines/backup/meter.ts";
import type { StoredBackup } from "./store/folder.ts";
import type { BackupStore } from "./store/store.ts";
import { findLack } from "./rules/lacking.ts";
import { lacking, withProvenCopy } from "./verify.ts";
import type { RunContext } from "../engines/run_context.ts";
import { readOnlyError } from "../state/check_rights.ts";
import { lockOptions } from "../state/lock_options.ts";

export interface RestoreRequest {
  readonly backup: StoredBackup;
  /** Whether what is replaced is backed up. */
  readonly keepsOld: boolean;
  readonly lockWaitMs: number;
}

export interface RestoreResult {
  /** The file that holds what was replaced; `null` when there was nothing. */
  readonly safetyBackup: string | null;
  /** What is not as it was copied (rights, owners, indexes built anew), in sentences; each is told as a note, too. */
  readonly remarks: readonly string[];
}

/**
 * Puts a backup in the place of the database, all of it or nothing.
 *
 * The backup is proven first; then, under the lock, what is about to be replaced is backed up.
 *
 * @param context `null` when there is no database, or what is there cannot be opened as one
 * @throws {HarborError} `damaged_backup`, `read_only`, `in_use`, `locked`, `backup_failed` …; the old database is then as it was
 */
export async function restoreBackup(
  context: RunContext | null,
  store: BackupStore,
  { backup, keepsOld, lockWaitMs }: RestoreRequest,
): Promise<RestoreResult> {
  const forbidden = context && await readOnlyError("restore", context);
  if (forbidden !== null) throw forbidden;
  const lock = await readLock(context, store);
  // Another harbor-db uses it too, and is waited for below.
  if (lock !== "held") await (await store.copier()).refuseIfInUse?.();
  const { path, manifest } = backup;
  const { bytes } = manifest.plain ?? manifest;
  await (await store.restorer(manifest.engine)).requireRoom?.({
    path,
    bytes,
    isPlain: manifest.plain === null,
  });
  const meter = startMeter(store, "restore");
  const onProven = meter.part("proving the backup", 0.5);
  return await withProvenCopy(backup, { store, onProgress: onProven }, async (copy, engine, wrongIndexes) => {
    const replace = async (database: RestoreOptions["database"]) => {
      const safetyBackup = keepsOld ? await keepOld(context, store) : null;
      const remarks: string[] = [];
      await engine.restore(copy, store.signal, {
        database,
        wrongIndexes,
        onProgress: meter.part("putting it in place", 1),
        onRemark: (text) => {
          remarks.push(text);
          store.notify({ kind: "note", text });
        },
      }).catch((error) => {
        const lack = findLack(error, manifest);
        throw lack === null ? error : lacking(backup, lack);
      });
      return { safetyBackup, remarks };
    };
    if (context === null) return await replace(null);
    const { database } = context;
    if (lock === "damaged") return await replace(database);
    return await database.withLock(() => replace(database), lockOptions(context, lockWaitMs));
  });
}

/**
 * Says how it is with the lock. Where a file is so damaged that nobody can read its lock, nobody can hold it either, and
 * `refuseIfInUse` alone says whether others are there.
 */
async function readLock(
  context: RunContext | null,
  store: BackupStore,
): Promise<"free" | "held" | "damaged"> {
  try {
    return await context?.database.lockHolder() === undefined ? "free" : "held";
  } catch (error) {
    const isDamaged = error instanceof HarborError && error.code === "not_a_database";
    if (!isDamaged || (await store.copier()).setAside === undefined) throw error;
    return "damaged";
  }
}

/** Backs up what is about to be replaced; what is too damaged for that is kept as it is, where an engine can. */
async function keepOld(context: RunContext | null, store: BackupStore): Promise<string | null> {
  try {
    if (context === null) throw new HarborError("not_a_database", "Cannot back up what cannot be opened");
    if (await isEmptyDatabase(context)) return null;
    return (await makeBackup(context, store, { reason: "before restore", mayReuse: true })).path;
  } catch (error) {
    if (!isOfDatabase(error)) throw error;
    const engine = await store.copier();
    if (engine.setAside === undefined) throw error;
    return await engine.setAside();
  }
}

/** Whether it is the database that could not be read, and not the backup's place that could not be written. */
function isOfDatabase(error: unknown): boolean {
  if (!(error instanceof HarborError)) return false;
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return ["not_a_database", "backup_failed"].includes(error.code) && !/^E[A-Z]+$/.test(code ?? "");
}
