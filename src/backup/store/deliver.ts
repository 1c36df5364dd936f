import { createHash } from "node:crypto";
import { HarborError, messageOf } from "../../base/errors.ts";
import { readRegularText } from "../../base/files/regular_file.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Bucket, NewObject } from "../bucket/bucket.ts";
import { longestManifest, type StoredBackup } from "./folder.ts";
import { startMeter } from "../../engines/backup/meter.ts";
import { manifestPathOf } from "../rules/manifest.ts";

/** A backup that is in a bucket, too. */
export interface Delivered {
  /** Of its file there. */
  readonly path: string;
  /** Whether this run brought it there. */
  readonly isNew: boolean;
  readonly ms: number;
}

/**
 * Brings a copy of a backup into a bucket: the file, and when that is there as it was written, its manifest. Nothing there
 * is replaced. What is there already is looked at and left as it is, so that a delivery that failed goes on.
 *
 * @throws {HarborError} `bucket_failed`, `interrupted`, `damaged_backup`; the backup itself is as it was
 */
export async function deliverBackup(
  backup: StoredBackup,
  bucket: Bucket,
  context: Pick<RunContext, "signal" | "notify" | "now">,
): Promise<Delivered> {
  const { display, place } = bucket.address;
  const { bytes, sha256 } = backup.manifest;
  const began = performance.now();
  try {
    // Under the name that it was written with: what a user called it here may be a name that nobody finds there.
    const name = backup.manifest.file;
    const tell = startMeter(context, "delivery").part(`delivering to ${place}`, 1);
    const file = { name, bytes, sha256 };
    const isNew = await store(bucket, file, context.signal, () =>
      bucket.putFile(backup.path, file, {
        signal: context.signal,
        onBytes: (sent) => tell(bytes === 0 ? 1 : sent / bytes),
      }));
    const text = readManifest(backup);
    const manifest = {
      name: manifestPathOf(name),
      bytes: new TextEncoder().encode(text).length,
      sha256: createHash("sha256").update(text).digest("hex"),
    };
    const isManifestNew = await store(
      bucket,
      manifest,
      context.signal,
      () => bucket.putText(manifest.name, text, context.signal),
    );
    return { path: `${display}/${name}`, isNew: isNew || isManifestNew, ms: performance.now() - began };
  } catch (error) {
    throw notDelivered(error, place);
  }
}

/** Reads a manifest as it was written: what another release knows of it is delivered, too. */
function readManifest({ path, manifestPath }: StoredBackup): string {
  const text = readRegularText(manifestPath, longestManifest);
  if (text !== undefined) return text;
  throw new HarborError("damaged_backup", `Cannot deliver "${path}"`, {
    state: "its manifest is gone",
    hint: "Make another one: harbor-db backup",
  });
}

/**
 * Stores an object, unless it is there, and looks whether it is.
 *
 * @returns Whether it was stored now
 */
async function store(
  bucket: Bucket,
  object: NewObject,
  signal: AbortSignal,
  put: () => Promise<boolean>,
): Promise<boolean> {
  const isThere = async () => {
    const there = await bucket.look(object.name, signal);
    if (there === null) return false;
    if (there.bytes === object.bytes && there.sha256 === object.sha256) return true;
    throw new HarborError("bucket_failed", `Cannot store "${bucket.address.display}/${object.name}"`, {
      state: "something else has its name, and is not replaced",
      hint: "Look what it is, and remove it by hand; or deliver to another prefix.",
    });
  };
  if (await isThere()) return false;
  let problem: unknown;
  const isNew = await put().catch((error) => {
    if (error instanceof HarborError && error.code !== "bucket_failed") throw error;
    problem = error;
    return false;
  });
  // An answer that was lost says nothing of what was done.
  if (await isThere()) return isNew;
  throw problem ??
    new HarborError("bucket_failed", `Cannot store "${bucket.address.display}/${object.name}"`, {
      state: "it is not there after it was stored",
      hint: "Look at the bucket: its rules may remove or hide new objects.",
    });
}

/** Says what could not be done; a defect of ours has to look like one. */
function notDelivered(error: unknown, place: string): unknown {
  const action = `Cannot deliver the backup to "${place}"`;
  if (error instanceof HarborError) {
    return error.code === "bucket_failed" ? error.with({ message: action, state: error.state }) : error;
  }
  const isOfSystem = /^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException).code));
  return isOfSystem
    ? new HarborError("file_failed", action, { state: messageOf(error), cause: error })
    : error;
}
