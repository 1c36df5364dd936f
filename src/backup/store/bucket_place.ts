import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pass } from "../../base/finding.ts";
import { HarborError, messageOf } from "../../base/errors.ts";
import { requireSpace } from "../../base/files/free_space.ts";
import { makeFolderFor } from "../../base/files/owner.ts";
import { counted } from "../../base/quantity.ts";
import { stopBackupIfAsked } from "../../base/stop_backup.ts";
import type { Bucket } from "../bucket/bucket.ts";
import { longestManifest, type StoredBackup } from "./folder.ts";
import { findNewest } from "./newest.ts";
import type { BackupPlace } from "./place.ts";
import { startMeter } from "../../engines/backup/meter.ts";
import { chooseName, newestFirst, unknownBackup } from "../rules/choose.ts";
import { compareDigest, compareSize, notSound } from "../rules/compare_file.ts";
import { backupPathOf, isManifestName, manifestPathOf, parseManifest } from "../rules/manifest.ts";
import { backupOwner, type BackupStore } from "./store.ts";
import { clearLeftovers, withWorkspace } from "./workspace.ts";

/** Where what is fetched is put for as long as it is looked at: the folder in which copies are made. */
export type FetchOptions = Pick<BackupStore, "url" | "folder" | "client" | "signal" | "now" | "notify">;

/** How many manifests are asked for at a time. */
const abreast = 8;

/** Returns a bucket as the place where backups are. What is not named as ours, or lies deeper, is left alone. */
export function bucketPlace(bucket: Bucket, options: FetchOptions): BackupPlace {
  const { display, written } = bucket.address;
  const { signal } = options;
  const pathOf = (name: string) => `${display}/${name}`;
  const nameOf = (path: string) => path.slice(display.length + 1);

  /** Reads the manifest of a file, of which the length is known or looked for. */
  async function read(
    name: string,
    { known, stop = signal }: { readonly known?: ReadonlyMap<string, number>; readonly stop?: AbortSignal },
  ): Promise<StoredBackup> {
    const path = pathOf(name);
    const manifestPath = manifestPathOf(path);
    const damaged = (message: string) =>
      new HarborError("damaged_backup", message, {
        hint: "A file without its manifest proves nothing. See what else there is: harbor-db backup list",
        details: { path, manifest: manifestPath },
      });
    let text: string | null;
    try {
      text = await bucket.readText(manifestPathOf(name), longestManifest, stop);
    } catch (error) {
      throw error instanceof RangeError
        ? damaged(`Cannot read "${manifestPath}": ${messageOf(error)}`)
        : error;
    }
    if (text === null) throw damaged(`Cannot read "${manifestPath}": there is no such manifest`);
    const manifest = parseManifest(text, manifestPath);
    const bytes = known === undefined ? (await bucket.look(name, stop))?.bytes : known.get(name);
    return { path, manifestPath, manifest, isWhole: bytes === manifest.bytes };
  }

  return {
    name: display,
    recorded: bucket.address.place,
    written,
    list: async () => {
      const there = await bucket.list(signal);
      const names = [...there.keys()].filter(isManifestName);
      const backups: StoredBackup[] = [];
      const problems: HarborError[] = [];
      for (let at = 0; at < names.length; at += abreast) {
        const some = names.slice(at, at + abreast).map((name) => read(backupPathOf(name)!, { known: there }));
        for (const result of await Promise.allSettled(some)) {
          if (result.status === "fulfilled") backups.push(result.value);
          else if (isDamage(result.reason)) problems.push(result.reason);
          else throw result.reason;
        }
      }
      return { backups: backups.toSorted(newestFirst), problems };
    },
    newest: async (now, wanted) => {
      const there = await bucket.list(signal);
      return await findNewest(
        {
          names: [...there.keys()].filter(isManifestName),
          read: (name) => read(backupPathOf(name)!, { known: there }),
        },
        now,
        wanted,
      );
    },
    find: async (name) => {
      const own = name.startsWith(`${display}/`) ? nameOf(name) : name;
      if (own.includes("/")) {
        throw unknownBackup(name, { place: display, state: `it is not in "${display}"` });
      }
      const manifests = [...(await bucket.list(signal)).keys()].filter(isManifestName);
      const file = manifests.includes(own) ? backupPathOf(own)! : own;
      return pathOf(chooseName(file, { place: display, manifests }));
    },
    read: (path, stop = signal) => read(nameOf(path), { stop }),
    look: async ({ path, manifest }, stop) => {
      const there = await bucket.look(nameOf(path), stop);
      if (there === null) return notSound(`the file "${path}" is missing`);
      const otherSize = compareSize(there.bytes, manifest);
      if (otherSize !== null) return otherSize;
      if (there.sha256 === manifest.sha256) {
        return pass(`${counted(there.bytes, "byte")}, stored with the SHA-256 of what was written`);
      }
      return notSound(
        there.sha256 === null
          ? "the bucket does not say with which SHA-256 it was stored"
          : "it was stored with another SHA-256 than that of what was written",
      );
    },
    withFile: async (backup, stop, work) => {
      const { folder, client, now } = options;
      const { id, bytes } = backup.manifest;
      makeFolderFor(folder, backupOwner(options));
      await clearLeftovers(folder, client, now());
      return await withWorkspace(folder, { id: `${id}-fetched`, client }, async (workspace) => {
        const path = join(workspace, "fetched");
        const there = await bucket.look(nameOf(backup.path), stop);
        const wrong = there === null
          ? notSound(`the file "${backup.path}" is missing`)
          : compareSize(there.bytes, backup.manifest);
        if (wrong !== null) return await work({ path, found: wrong });
        await requireSpace(workspace, bytes);
        const digest = await fetchTo(path, backup, stop);
        return await work({ path, found: compareDigest({ bytes, sha256: digest }, backup) });
      });
    },
    remove: async ({ path, manifestPath }) => {
      for (const name of [nameOf(manifestPath), nameOf(path)]) {
        await bucket.remove(name, signal);
        // A service may confirm what its own rules, or a lock on the object, kept it from.
        if (await bucket.look(name, signal) === null) continue;
        throw new HarborError("bucket_failed", `Cannot remove "${pathOf(name)}"`, {
          state: "it is still there after the service confirmed that it was removed",
          hint: "Look at the bucket: a lock on its objects or one of its rules may keep them.",
        });
      }
    },
  };

  async function fetchTo(to: string, backup: StoredBackup, stop: AbortSignal): Promise<string> {
    const { bytes } = backup.manifest;
    const hash = createHash("sha256");
    const tell = startMeter(options, "fetch").part(`fetching from ${display}`, 1);
    let passed = 0;
    async function* pieces() {
      for await (const piece of bucket.read(nameOf(backup.path), bytes, stop)) {
        hash.update(piece);
        passed += piece.length;
        tell(passed / bytes);
        yield piece;
      }
    }
    try {
      await pipeline(pieces(), createWriteStream(to, { flags: "wx", mode: 0o600 }), { signal: stop });
    } catch (error) {
      stopBackupIfAsked(stop);
      throw error;
    }
    return hash.digest("hex");
  }
}

function isDamage(error: unknown): error is HarborError {
  return error instanceof HarborError && error.code === "damaged_backup";
}
