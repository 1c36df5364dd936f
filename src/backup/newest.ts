import { HarborError } from "../base/errors.ts";
import type { Newest, StoredBackup, Wanted } from "./folder.ts";
import { newestNamesFirst } from "./rules/choose.ts";
import { isInFuture } from "./rules/manifest.ts";

/** Where backups are, as names of manifests that can be read one by one. */
export interface NamedManifests {
  readonly names: readonly string[];
  /** Reads the backup that a manifest is of. */
  read(manifestName: string): Promise<StoredBackup>;
}

/** Returns the newest backup that is whole and meant, without reading more manifests than it takes. */
export async function findNewest(
  { names, read }: NamedManifests,
  now: Date,
  { isMeant, onForbidden }: Wanted,
): Promise<Newest> {
  const fromFuture: StoredBackup[] = [];
  for (const name of newestNamesFirst(names)) {
    try {
      const backup = await read(name);
      const { isWhole, manifest } = backup;
      if (!isWhole || !isMeant(manifest)) continue;
      if (!isInFuture(manifest.createdAt, now)) return { backup, fromFuture };
      fromFuture.push(backup);
    } catch (error) {
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
      // What a service does not give now may be the newest.
      if (error.code === "bucket_failed") throw error;
      if (error.code === "read_only") onForbidden?.(error);
    }
  }
  return { backup: null, fromFuture };
}
