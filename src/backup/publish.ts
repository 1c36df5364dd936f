import { rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { fileFailure } from "../base/files/file_failure.ts";
import { flush } from "../base/files/flush.ts";
import type { OpenFolder } from "../base/files/open_folder.ts";
import { giveFile, type Owner } from "../base/files/owner.ts";
import { removeLeft } from "../base/files/remove.ts";
import { quoteForShell } from "../base/quote_shell.ts";
import { type Manifest, manifestPathOf, renderManifest } from "./rules/manifest.ts";
import type { StoredBackup } from "./store/folder.ts";

/**
 * Puts a file in the place that holds its name, and then the manifest, which makes it a backup.
 *
 * @throws The system's own errors; {@link HarborError} where something is left of it
 */
export async function publish(
  stored: string,
  { folder, around, workspace, manifest, owner }: {
    readonly folder: string;
    /** The same folder, as it was opened. */
    readonly around: OpenFolder;
    readonly workspace: string;
    readonly manifest: Manifest;
    readonly owner: Owner | null;
  },
): Promise<StoredBackup> {
  const path = join(folder, manifest.file);
  const manifestPath = manifestPathOf(path);
  const draft = join(workspace, "manifest");
  try {
    await writeFile(draft, renderManifest(manifest), { flag: "wx", mode: 0o600 });
    for (const file of [stored, draft]) giveFile(file, owner);
    flush(draft);
    await rename(stored, around.path(manifest.file));
    around.flush();
    await rename(draft, around.path(basename(manifestPath)));
    around.flush();
  } catch (error) {
    // Its manifest first: without that it is none.
    const left = await removeLeft([manifestPath, path], (each) => around.path(basename(each)));
    const failure = left.length === 0 ? error : fileFailure(manifest.database, error);
    if (!(failure instanceof HarborError)) throw failure;
    throw failure.with({
      hint: [...failure.hintLines, `What is left of it: rm ${left.map(quoteForShell).join(" ")}`],
    });
  }
  return { path, manifestPath, manifest, isWhole: true };
}
