import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { digestFile, type FileDigest } from "../base/files/file_digest.ts";
import { freeSpace, requireSpace } from "../base/files/free_space.ts";
import type { StoredBackup } from "./store/folder.ts";
import { startMeter } from "../engines/backup/meter.ts";
import { beginningBytes, type FileKind, fileKindOf } from "./rules/file_kind.ts";
import { type Compression, type Manifest, manifestPathOf } from "./rules/manifest.ts";
import type { BackupStore } from "./store/store.ts";
import { withWorkspace } from "./store/workspace.ts";

/** A copy that was found without its manifest. */
export interface BareBackup extends StoredBackup {
  /** What the file is, in words. */
  readonly kind: string;
}

/** A file in a file in a file is none of ours. */
const mostLayers = 2;

/**
 * Looks at a file that has no manifest: what it is by its beginning, decoded where need be, and what comes out when it is
 * restored aside. The manifest of the result says what was seen, and of all that cannot be seen nothing: of which database it
 * is, when it was made, and whether it holds all that was copied.
 *
 * @throws {HarborError} `damaged_backup` for what is no copy, or not whole; `bad_config` without the key of one
 */
export async function lookAtBareFile(path: string, store: BackupStore): Promise<BareBackup> {
  const { signal, client } = store;
  const found = kindOf(path);
  if ("copy" in found) return await prove(path, { path, kind: found, store });
  return await withWorkspace(dirname(path), { id: `${basename(path)}-look`, client }, async (workspace) => {
    const { decodeFile } = await import("./store/codec.ts");
    let compression: Compression | null = null;
    let encryption: "age" | null = null;
    let from = path;
    let kind: FileKind = found;
    for (let layer = 1; !("copy" in kind); layer++) {
      if (layer > mostLayers) throw noCopy(path, "it is compressed or encrypted more than once");
      const [compressed, encrypted] = "compression" in kind
        ? [kind.compression, null]
        : [null, kind.encryption];
      if (encrypted !== null && compression !== null) {
        throw noCopy(path, "it is encrypted before it is compressed");
      }
      compression ??= compressed;
      encryption ??= encrypted;
      const identities = encrypted === null ? [] : await identitiesFor(path, store);
      const { size } = statSync(from);
      await requireSpace(workspace, size);
      const to = join(workspace, `layer-${layer}`);
      await decodeFile(from, to, {
        manifest: {
          compression: compressed,
          encryption: encrypted,
          plain: null,
          bytes: await mostUnpacked(workspace),
        },
        identities,
        signal,
        name: path,
      });
      from = to;
      kind = kindOf(from, path);
    }
    const plain = await digestFile(from, signal);
    return await prove(path, { path: from, kind, store, encoding: { compression, encryption, plain } });
  });
}

/** A small file may unpack to any length: what else is on the device keeps a tenth of what is free. */
async function mostUnpacked(folder: string): Promise<number> {
  return Math.floor(await freeSpace(folder) * 0.9);
}

async function identitiesFor(path: string, store: BackupStore): Promise<readonly string[]> {
  const identities = await store.identities();
  if (identities.length > 0) return identities;
  throw new HarborError("bad_config", `Cannot decrypt "${path}": no identity is given`, {
    hint: "Give the file with the key that it was encrypted to: --identity key.txt",
  });
}

interface Plain {
  /** Of the copy as it is. */
  readonly path: string;
  readonly kind: Extract<FileKind, { readonly copy: unknown }>;
  readonly store: BackupStore;
  readonly encoding?: Pick<Manifest, "compression" | "encryption"> & { readonly plain: FileDigest };
}

/** Restores the copy aside, and writes down what came out as the manifest would have it. */
async function prove(path: string, { path: copy, kind, store, encoding }: Plain): Promise<BareBackup> {
  refuseSideFiles(path);
  const engine = await store.restorer(kind.copy);
  const onProgress = startMeter(store, "backup").part("looking", 1);
  const proven = await engine.prove(copy, store.signal, { onProgress }).catch((error) => {
    const isDamage = error instanceof HarborError && error.code === "backup_failed";
    throw isDamage ? noCopy(path, error.message) : error;
  });
  const { content, proof, notRestored, host = null, notFollowed = [] } = proven;
  const manifest: Manifest = {
    id: basename(path),
    version: "",
    engine: kind.copy,
    dialect: store.url.dialect,
    database: "",
    home: null,
    sequence: 0,
    serverVersion: content.serverVersion,
    revision: null,
    unfinished: null,
    reason: "backup",
    createdAt: statSync(path).mtime.toISOString(),
    file: basename(path),
    ...await digestFile(path, store.signal),
    compression: encoding?.compression ?? null,
    encryption: encoding?.encryption ?? null,
    plain: encoding?.plain ?? null,
    tables: content.tables,
    schema: content.schema ?? null,
    state: content.state ?? null,
    proof,
    notRestored,
    host,
    notCompared: null,
    notFollowed,
    uncarried: [],
  };
  const { compression, encryption } = manifest;
  const stored = [compression, encryption].filter((each) => each !== null).join(", ");
  return {
    path,
    manifestPath: manifestPathOf(path),
    manifest,
    isWhole: true,
    kind: stored === "" ? kind.words : `${kind.words} (${stored})`,
  };
}

/** A SQLite file that was copied while it was in use has rows in a file beside it, which no copy brings along. */
function refuseSideFiles(path: string): void {
  const side = ["-wal", "-journal"].map((ending) => path + ending)
    .find((each) => (statSync(each, { throwIfNoEntry: false })?.size ?? 0) > 0);
  if (side === undefined) return;
  throw new HarborError("damaged_backup", `Cannot use "${path}": a part of it is in "${side}"`, {
    hint: "Have SQLite put the two together, in a copy of both: sqlite3 FILE 'PRAGMA journal_mode = DELETE'",
    details: { path: side },
  });
}

/** @param shown The file that the user named, in which this one was */
function kindOf(path: string, shown = path): FileKind {
  const beginning = new Uint8Array(beginningBytes);
  const file = openSync(path, "r");
  try {
    const kind = fileKindOf(beginning.subarray(0, readSync(file, beginning, 0, beginningBytes, 0)));
    if (kind !== null) return kind;
  } finally {
    closeSync(file);
  }
  throw noCopy(
    shown,
    "it has no manifest, and is neither a SQLite file nor a copy of PostgreSQL that is known",
  );
}

function noCopy(path: string, state: string): HarborError {
  return new HarborError("damaged_backup", `Cannot use "${path}" as a backup: ${state}`, {
    hint: "Use another one: harbor-db backup list",
    details: { path },
  });
}
