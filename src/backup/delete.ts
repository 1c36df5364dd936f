import { rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type OpenFolder, openFolder } from "../base/files/open_folder.ts";
import { HarborError } from "../base/errors.ts";
import { isNamedByItself, type StoredBackup } from "./folder.ts";

/**
 * Removes one backup. Its manifest goes first, so that an interruption leaves no backup that lacks its file.
 *
 * @throws {HarborError} `damaged_backup` when its manifest is that of another file
 */
export async function deleteBackup(backup: StoredBackup): Promise<void> {
  if (!isNamedByItself(backup)) {
    throw new HarborError("damaged_backup", `Cannot remove "${backup.path}"`, {
      state: `its manifest is of "${backup.manifest.file}"`,
      hint: "Look what it is, and remove it by hand.",
    });
  }
  const around = openFolder(dirname(backup.path));
  try {
    await removeFiles(around, backup);
  } finally {
    around.close();
  }
}

/** Removes the files of a backup from its folder: the manifest, then what it stands for. */
export async function removeFiles(around: OpenFolder, { path, manifestPath }: StoredBackup): Promise<void> {
  await rm(around.path(basename(manifestPath)), { force: true });
  await rm(around.path(basename(path)), { force: true });
}
