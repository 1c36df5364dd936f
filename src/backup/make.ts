import { closeSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { unlessAsked } from "../base/interrupt.ts";
import {
  backupId,
  type BackupReason,
  differingTables,
  isWaitedFor,
  type Manifest,
} from "./rules/manifest.ts";
import type { BackupContent, BackupEngine, Thoroughness } from "../engines/backup/engine.ts";
import { type BackupTiming, copyAndProve, type OnTrial, trialCopies } from "./copy_and_prove.ts";
import { readIdentity } from "../engines/backup/identity.ts";
import { isOwnedBy } from "./rules/ownership.ts";
import type { OpenFolder } from "../base/files/open_folder.ts";
import { makeFolderFor } from "../base/files/owner.ts";
import { fileFailure } from "../base/files/file_failure.ts";
import { removeLargeFile } from "../base/files/remove.ts";
import { manifestNames, readBackups, type StoredBackup } from "./store/folder.ts";
import { folderPlace } from "./store/folder_place.ts";
import { requireSchemas } from "../state/require_schemas.ts";
import { type BackupPosition, readMark, readPosition } from "./position.ts";
import { publish } from "./publish.ts";
import { backupOwner, type BackupStore } from "./store/store.ts";
import { tellUncarried } from "./tell_uncarried.ts";
import { startMeter } from "../engines/backup/meter.ts";
import { tellLeftovers, withWorkspace } from "./store/workspace.ts";
import type { RunContext } from "../engines/run_context.ts";
import { type Encoding, encodingSuffix } from "./rules/encoding.ts";
import { digestFile, type FileDigest } from "../base/files/file_digest.ts";
import { requireSpace } from "../base/files/free_space.ts";

/** A backup that is proven. */
export interface MadeBackup extends StoredBackup {
  /** Whether it was there already, and the database is still what it holds. */
  readonly isReused: boolean;
  readonly timing: BackupTiming;
}

export interface BackupRequest extends Thoroughness {
  readonly reason: BackupReason;
  /** Whether an identical one that is there already will do. */
  readonly mayReuse: boolean;
  /** Called with what was restored aside when it is proven; what it throws ends the backup. */
  readonly onTrial?: OnTrial | undefined;
  /** Whether a backup will do where nothing can be restored aside, so that nothing was tried. */
  readonly mayGoUntried?: boolean;
}

/**
 * Copies the database, proves the copy by restoring it aside and comparing what comes out with what was in the
 * database, and puts it into the folder with its manifest.
 *
 * Until the manifest has its name there is no backup: whatever happens before leaves none, and nothing of it stays
 * beyond the next run.
 *
 * @throws {HarborError} `backup_failed`, `disk_full`, `interrupted`, `schema_mismatch` and what the engine says; the database is as it was
 */
export async function makeBackup(
  context: RunContext,
  store: BackupStore,
  request: BackupRequest,
): Promise<MadeBackup> {
  const { folder, client, encoding } = store;
  // What only the ledger knows may be in schemas that the copy would not have.
  const ahead = context.history.revisions.filter(({ ledger }) => ledger !== undefined);
  for (const revision of ahead) requireSchemas(context.database, revision);
  const engine = await store.copier();
  try {
    // Streams, compression and encryption are only loaded for those who use them.
    if (encoding.recipients.length > 0) {
      await (await import("./store/codec.ts")).checkRecipients(encoding.recipients);
    }
    makeFolderFor(folder, backupOwner(store));
    // A folder that may not be read is said before anything is written there.
    manifestNames(folder);
    await tellLeftovers(folder, client, context);
    const copies = encodingSuffix(encoding) === "" ? 1 : 2;
    const bytes = await unlessAsked(engine.estimate(), context.signal);
    const onTrial = await trialWithin(
      request,
      (more) => requireSpace(folder, (copies + more) * bytes),
      engine,
    );
    return await copyAndKeep(context, store, { ...request, onTrial, engine });
  } catch (error) {
    throw fileFailure(context.database.url, error);
  }
}

/** Returns the trial that there is room for: where there is none, what may go untried does. */
async function trialWithin(
  { onTrial, mayGoUntried = false }: BackupRequest,
  requireRoom: (more: number) => Promise<void>,
  engine: BackupEngine,
): Promise<OnTrial | undefined> {
  const more = onTrial === undefined ? 0 : trialCopies(engine);
  try {
    await requireRoom(more);
    return onTrial;
  } catch (error) {
    if (more === 0 || !mayGoUntried) throw error;
    await requireRoom(0);
    return undefined;
  }
}

interface BackupPlan extends BackupRequest {
  readonly engine: BackupEngine;
}

async function copyAndKeep(context: RunContext, store: BackupStore, plan: BackupPlan): Promise<MadeBackup> {
  const { folder, client, database, encoding } = store;
  const { engine } = plan;
  const createdAt = context.now().toISOString();
  const mark = await readMark(context);
  const before = await readPosition(context);
  const uncarried = await tellUncarried(context, engine, before);
  const { id: identity, home } = await readIdentity(context.database);
  const owner = { id: identity, home, place: database };
  const id = backupId({ name: store.name, createdAt, revision: before.revision });
  return await withWorkspace(folder, { id, client }, async (workspace, around) => {
    const plain = join(workspace, "copy");
    const meter = startMeter(context, "backup");
    const isEncoded = encodingSuffix(encoding) !== "";
    const proven = await copyAndProve(context, engine, {
      path: plain,
      meter,
      share: isEncoded ? 0.7 : 1,
      onTrial: plan.onTrial,
      mayGoUntried: plan.mayGoUntried ?? false,
      isQuick: plan.isQuick ?? isWaitedFor(plan.reason),
    });
    const { content, proof, notRestored, host = null, notCompared = null, notFollowed = [], timing } = proven;
    await refuseIfMoved(context, mark);
    const newest = plan.mayReuse
      ? (await folderPlace(folder).newest(context.now(), {
        isMeant: (manifest) => isOwnedBy(owner, manifest),
      })).backup
      : null;
    if (newest !== null && await isSame(newest, { ...before, content, encoding }, context)) {
      return { ...newest, isReused: true, timing };
    }
    if (isEncoded) meter.part("compressing or encrypting", 1);
    const stored = await encode(plain, join(workspace, "stored"), { encoding, signal: context.signal });
    const sequence = nextSequence(folder);
    const name = takeName(around, id, engine.suffix + encodingSuffix(encoding));
    const manifest: Manifest = {
      ...name,
      version: context.version,
      engine: engine.name,
      dialect: context.database.dialect,
      database,
      identity: identity ?? null,
      home,
      sequence,
      serverVersion: content.serverVersion,
      ...before,
      reason: plan.reason,
      createdAt,
      ...stored.digest,
      compression: encoding.compression,
      encryption: encoding.recipients.length > 0 ? "age" : null,
      plain: stored.plain,
      tables: content.tables,
      schema: content.schema ?? null,
      state: content.state ?? null,
      proof,
      notRestored,
      host,
      notCompared,
      notFollowed,
      uncarried,
    };
    return {
      ...await publish(stored.path, { folder, around, workspace, manifest, owner: backupOwner(store) }),
      isReused: false,
      timing,
    };
  });
}

/** A label that does not fit what was copied would send a restore to the wrong revision. */
async function refuseIfMoved(context: RunContext, mark: string): Promise<void> {
  if (await readMark(context) === mark) return;
  throw new HarborError(
    "backup_failed",
    `Cannot back up "${context.database.url}": somebody took it over, or to another revision, meanwhile`,
    { hint: "Run the same command again." },
  );
}

interface Current extends BackupPosition {
  readonly content: BackupContent;
  readonly encoding: Encoding;
}

/** Whether a backup holds exactly what the database does, and is still as it was written. */
async function isSame(
  { path, manifest }: StoredBackup,
  { revision, unfinished, content, encoding }: Current,
  { signal }: RunContext,
): Promise<boolean> {
  const isEqual = manifest.revision === revision && manifest.unfinished === unfinished &&
    content.schema !== undefined && manifest.schema === content.schema &&
    content.state !== undefined && manifest.state === content.state &&
    differingTables(manifest.tables, content.tables).length === 0;
  // One in the clear will not do for who wants it encrypted, nor the other way round.
  const isStoredAlike = manifest.compression === encoding.compression &&
    (manifest.encryption === null) === (encoding.recipients.length === 0);
  return isEqual && isStoredAlike && (await digestFile(path, signal)).sha256 === manifest.sha256;
}

interface Stored {
  readonly path: string;
  readonly digest: FileDigest;
  readonly plain: FileDigest | null;
}

/** Brings a proven copy into the form in which it is kept, and reads that back. */
async function encode(
  plain: string,
  to: string,
  { encoding, signal }: { readonly encoding: Encoding; readonly signal: AbortSignal },
): Promise<Stored> {
  if (encodingSuffix(encoding) === "") {
    return { path: plain, digest: await digestFile(plain, signal), plain: null };
  }
  const { decodeFile, encodeFile } = await import("./store/codec.ts");
  const written = await encodeFile(plain, to, { encoding, signal });
  const digest = await digestFile(to, signal);
  const isEncrypted = encoding.recipients.length > 0;
  // What is encrypted to others cannot be read back as it was.
  const decoded = isEncrypted ? written.plain : await decodeFile(to, null, {
    manifest: {
      compression: encoding.compression,
      encryption: null,
      plain: written.plain,
      bytes: digest.bytes,
    },
    identities: [],
    signal,
    name: to,
  });
  if (digest.sha256 !== written.stored.sha256 || decoded.sha256 !== written.plain.sha256) {
    throw new HarborError("backup_failed", `Cannot write "${to}": it does not read back as it was written`, {
      hint: "Nothing was changed. Look for a failing disk or memory: dmesg",
    });
  }
  await removeLargeFile(plain, signal);
  return { path: to, digest, plain: written.plain };
}

/**
 * Takes a name that nothing in the folder has, and holds it with an empty file: two databases of one name may be backed
 * up in the same millisecond.
 */
function takeName(around: OpenFolder, id: string, suffix: string): Pick<Manifest, "id" | "file"> {
  for (let count = 1;; count++) {
    const name = count === 1 ? id : `${id}-${count}`;
    const file = name + suffix;
    if (readdirSync(around.path(".")).some((each) => each.startsWith(`${name}.`))) continue;
    try {
      closeSync(openSync(around.path(file), "wx", 0o600));
      return { id: name, file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function nextSequence(folder: string): number {
  const highest = Math.max(0, ...readBackups(folder).backups.map(({ manifest }) => manifest.sequence));
  return Math.min(highest + 1, Number.MAX_SAFE_INTEGER);
}
