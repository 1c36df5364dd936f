import { HarborError } from "../../base/errors.ts";
import type { Newest, StoredBackup, Unusable, Wanted } from "./folder.ts";
import { isDatedName, newestNamesFirst } from "../rules/choose.ts";
import { backupPathOf, isInFuture } from "../rules/manifest.ts";

/** Where backups are, as names of manifests that can be read one by one. */
export interface NamedManifests {
  readonly names: readonly string[];
  /** Reads the backup that a manifest is of. */
  read(manifestName: string): Promise<StoredBackup>;
}

/**
 * Returns the newest backup that is whole and meant, and what is newer and cannot be used, without reading more manifests than
 * it takes. Of which database a manifest is that cannot be read, nobody knows: it counts.
 */
export async function findNewest(
  { names, read }: NamedManifests,
  now: Date,
  { isMeant, onForbidden }: Wanted,
): Promise<Newest> {
  const fromFuture: StoredBackup[] = [];
  const unusable: Unusable[] = [];
  for (const name of newestNamesFirst(names)) {
    try {
      const backup = await read(name);
      const { isWhole, manifest } = backup;
      if (!isMeant(manifest)) continue;
      if (isInFuture(manifest.createdAt, now)) fromFuture.push(backup);
      else if (isWhole) return { backup, unusable, fromFuture };
      else unusable.push({ id: manifest.id, backup, problem: null });
    } catch (error) {
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
      // What a service does not give now may be the newest.
      if (error.code === "bucket_failed") throw error;
      if (error.code === "read_only") onForbidden?.(error);
      // What is not named as ours is another program's.
      else if (isDatedName(name)) unusable.push({ id: backupPathOf(name)!, backup: null, problem: error });
    }
  }
  return { backup: null, unusable, fromFuture };
}
