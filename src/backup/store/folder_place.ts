import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HarborError, messageOf } from "../../base/errors.ts";
import { digestFile } from "../../base/files/file_digest.ts";
import { limitRemedy } from "../../base/files/limit_remedy.ts";
import { openFolder } from "../../base/files/open_folder.ts";
import { runAsOwner } from "../../base/files/owner.ts";
import { otherKind } from "../../base/files/regular_file.ts";
import { removeFile } from "../../base/files/remove.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import type { Found } from "../../base/finding.ts";
import { deliveriesPathOf } from "./deliveries.ts";
import { findBackup, manifestNames, readBackup, readBackups, type StoredBackup } from "./folder.ts";
import { findNewest } from "./newest.ts";
import type { BackupPlace } from "./place.ts";
import { backupPathOf } from "../rules/manifest.ts";
import { compareDigest, compareSize, notSound } from "../rules/compare_file.ts";

/** Returns a folder as the place where backups are. */
export function folderPlace(folder: string): BackupPlace {
  return {
    name: folder,
    recorded: folder,
    written: folder,
    list: () => soon(() => readBackups(folder)),
    newest: async (now, wanted) =>
      await findNewest(
        {
          names: manifestNames(folder),
          read: (name) => soon(() => readBackup(join(folder, backupPathOf(name)!))),
        },
        now,
        wanted,
      ),
    find: (name, cwd) => soon(() => findBackup(name, { folder, cwd })),
    read: (path) => soon(() => readBackup(path)),
    look: compareFile,
    withFile: async (backup, signal, work) =>
      await work({ path: backup.path, found: await compareFile(backup, signal) }),
    remove: ({ path, manifestPath }) => removeFiles([manifestPath, deliveriesPathOf(path), path]),
  };
}

/** What is thrown is a rejection, as from any other place. */
async function soon<T>(look: () => T): Promise<T> {
  return await Promise.resolve().then(look);
}

/**
 * Removes a backup's files in this order.
 *
 * @throws {HarborError} `file_failed`, with what is left of it
 */
async function removeFiles(
  [manifest, ...others]: readonly [manifest: string, ...others: string[]],
): Promise<void> {
  const around = openFolder(dirname(manifest));
  let left: readonly string[] = [manifest, ...others];
  try {
    while (left[0] !== undefined) {
      // Not cut into stretches: somebody may be reading it, who keeps all of what is only unlinked.
      await removeFile(around.path(basename(left[0])));
      left = left.slice(1);
    }
  } catch (error) {
    const rest = left.filter((path) => existsSync(path)).map(quoteForShell).join(" ");
    throw new HarborError("file_failed", `Cannot remove "${left[0]}"`, {
      state: messageOf(error),
      hint: [
        limitRemedy(error) ?? runAsOwner("the folder", around.place),
        ...left[0] === manifest
          ? []
          : [`Without its manifest it is no backup any more. Then remove the rest: rm ${rest}`],
      ],
      cause: error,
    });
  } finally {
    around.close();
  }
}

/** Compares a backup's file with its manifest, to the last byte. */
async function compareFile(backup: StoredBackup, signal: AbortSignal): Promise<Found> {
  const { path, manifest } = backup;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return notSound(`the file "${path}" is missing`);
  const kind = otherKind(stat);
  if (kind !== null) return notSound(`"${path}" is ${kind}`);
  return compareSize(stat.size, manifest) ?? compareDigest(await digestFile(path, signal), backup);
}
