import { rm } from "node:fs/promises";
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { digestFile } from "../../base/files/file_digest.ts";
import { openFolder } from "../../base/files/open_folder.ts";
import { otherKind } from "../../base/files/regular_file.ts";
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
    remove: async ({ path, manifestPath }) => {
      const around = openFolder(dirname(path));
      try {
        await rm(around.path(basename(manifestPath)), { force: true });
        await rm(around.path(basename(deliveriesPathOf(path))), { force: true });
        // Not cut into stretches: somebody may be reading it, who keeps all of what is only unlinked.
        await rm(around.path(basename(path)), { force: true });
      } finally {
        around.close();
      }
    },
  };
}

/** What is thrown is a rejection, as from any other place. */
async function soon<T>(look: () => T): Promise<T> {
  return await Promise.resolve().then(look);
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
