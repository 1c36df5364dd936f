import { HarborError } from "../../base/errors.ts";
import { isNamedByItself, type StoredBackup } from "./folder.ts";
import type { BackupPlace } from "./place.ts";

/**
 * Removes one backup. Its manifest goes first, so that an interruption leaves no backup that lacks its file.
 *
 * @throws {HarborError} `damaged_backup` when its manifest is that of another file
 */
export async function deleteBackup(place: BackupPlace, backup: StoredBackup): Promise<void> {
  if (!isNamedByItself(backup)) {
    throw new HarborError("damaged_backup", `Cannot remove "${backup.path}"`, {
      state: `its manifest is of "${backup.manifest.file}"`,
      hint: "Look what it is, and remove it by hand.",
    });
  }
  await place.remove(backup);
}
