import { counted } from "../base/quantity.ts";
import { dirname, join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { type Finding, type Found, pass, worstStatus } from "../base/finding.ts";
import { differingTables, type Manifest } from "./rules/manifest.ts";
import { proofText, proofWords, type Proven } from "../engines/backup/content.ts";
import type { BackupEngine, OnProgress } from "../engines/backup/engine.ts";
import { fileFailure } from "../base/files/file_failure.ts";
import type { StoredBackup } from "./store/folder.ts";
import type { BackupPlace, ComparedFile } from "./store/place.ts";
import { notSound } from "./rules/compare_file.ts";
import { findLack, type Lack } from "./rules/lacking.ts";
import { compareIdentity, compareStanding } from "./rules/account.ts";
import type { BackupStore } from "./store/store.ts";
import { startMeter } from "../engines/backup/meter.ts";
import { clearLeftovers, withWorkspace } from "./store/workspace.ts";
import { requireSpace } from "../base/files/free_space.ts";

/** What no copy says of itself, so that there is only the manifest's word for it. */
const onlyInManifest: readonly (keyof Manifest)[] = [
  "version",
  "database",
  "home",
  "sequence",
  "reason",
  "createdAt",
  "proof",
  "uncarried",
];

/** What became of looking at a backup. */
export interface BackupVerification {
  /** `null` when its manifest cannot be trusted. */
  readonly backup: StoredBackup | null;
  readonly findings: readonly Finding[];
  /** Whether it is whole, as far as one could look. */
  readonly isSound: boolean;
}

/**
 * Proves a backup again: the manifest, the file's length and digest, and what comes out when it is restored aside.
 * What is wrong is a finding, not an error.
 *
 * @throws {HarborError} `interrupted`, `disk_full`; when the engine cannot be opened
 */
export async function verifyBackup(path: string, store: BackupStore): Promise<BackupVerification> {
  const identities = await store.identities();
  const findings: Finding[] = [];
  const add = (check: string, found: Found) => {
    findings.push({ check, ...found });
    return found.status;
  };
  const backup = await readTrusted(store.place, path);
  if (backup instanceof HarborError) {
    add("manifest", notSound(backup.message));
    return { backup: null, findings, isSound: false };
  }
  const { version, createdAt } = backup.manifest;
  add(
    "manifest",
    pass(
      `says that harbor-db ${version} made it at ${createdAt}; of that, and of the place, the copy itself says nothing`,
      { notCompared: onlyInManifest },
    ),
  );
  await store.place.withFile(backup, store.signal, async (file) => {
    if (add("file", file.found) !== "pass") return;
    add("content", await checkContent(backup, { path: file.path, store, identities }));
  });
  return { backup, findings, isSound: ["pass", "warn"].includes(worstStatus(findings)) };
}

/**
 * Runs work with the copy that a backup holds, decoded if need be and proven to be what its manifest says. What was
 * decoded is gone afterwards.
 *
 * @throws {HarborError} `damaged_backup` when it is not; `bad_config` without an identity for it
 */
export async function withProvenCopy<T>(
  backup: StoredBackup,
  { store, onProgress }: { readonly store: BackupStore; readonly onProgress: OnProgress },
  work: (copy: string, engine: BackupEngine, wrongIndexes: readonly string[]) => Promise<T>,
): Promise<T> {
  const identities = await store.identities();
  let isCompared = false;
  const use = async (file: ComparedFile) => {
    isCompared = true;
    if (file.found.status !== "pass") throw damaged(backup, file.found.message);
    return await withCopy({ backup, path: file.path, store, identities }, async (copy) => {
      const engine = await store.restorer(backup.manifest.engine);
      const content = await checkCopy(copy, backup, { engine, store, onProgress });
      if (content.status === "fail") throw damaged(backup, content.message);
      if (content.status === "error") throw lacking(backup, content);
      return await work(copy, engine, (content.details["wrongIndexes"] ?? []) as readonly string[]);
    });
  };
  try {
    return await store.place.withFile(backup, store.signal, use);
  } catch (error) {
    throw isCompared ? error : fileFailure(backup.path, error);
  }
}

async function readTrusted(place: BackupPlace, path: string): Promise<StoredBackup | HarborError> {
  try {
    return await place.read(path);
  } catch (error) {
    if (error instanceof HarborError && error.code === "damaged_backup") return error;
    throw error;
  }
}

async function checkContent(
  backup: StoredBackup,
  { path, store, identities }: Readable,
): Promise<Found> {
  if (backup.manifest.encryption !== null && identities.length === 0) {
    return {
      ...pass(`encrypted: its content was ${proofText(backup.manifest)} when it was made, and not now`),
      status: "warn",
      hint: "Give the key to prove it again: --identity key.txt",
      details: { notChecked: ["content"] },
    };
  }
  const meter = startMeter(store, "backup");
  return await findDamage(backup, () =>
    withCopy({ backup, path, store, identities }, async (copy) => {
      const engine = await store.restorer(backup.manifest.engine);
      const onProgress = meter.part("proving", 1);
      return await checkCopy(copy, backup, { engine, store, onProgress, isJudged: true });
    }));
}

/** Restores a copy aside and compares what comes out with the manifest. */
async function checkCopy(
  copy: string,
  backup: StoredBackup,
  { engine, store, onProgress, isJudged = false }: {
    readonly engine: BackupEngine;
    readonly store: BackupStore;
    readonly onProgress: OnProgress;
    /** Whether what the manifest says of where the database stood is judged, too: a restore goes by the copy. */
    readonly isJudged?: boolean;
  },
): Promise<Found> {
  const { manifest } = backup;
  return await findDamage(backup, async () => {
    const { content, wrongIndexes = [], account, ...proven } = await engine.prove(
      copy,
      store.signal,
      {
        onProgress,
        mayHaveWrongIndexes: true,
        readsAccount: true,
      },
    );
    const wrong = differingTables(manifest.tables, content.tables);
    if (wrong.length > 0) return notSound(`the rows of ${wrong.join(", ")} are not those that were copied`);
    if (manifest.schema !== null && content.schema !== manifest.schema) {
      return notSound("its tables, indexes or views are not those that were copied");
    }
    if (manifest.state !== null && content.state !== manifest.state) {
      return notSound("its sequences are not where they were when it was copied");
    }
    const identity = compareIdentity(manifest, account!);
    const standing = isJudged ? compareStanding(manifest, account!) : null;
    const problem = identity.problem ?? standing?.problem ?? null;
    if (problem !== null) return notSound(problem);
    const notCompared = [
      ...manifest.schema === null ? ["definitions"] : [],
      ...manifest.state === null ? ["sequences"] : [],
      ...identity.notCompared,
      ...standing?.notCompared ?? [],
    ];
    const rows = content.tables.reduce((sum, table) => sum + table.rows, 0);
    const held = `${counted(content.tables.length, "table")} and ${
      counted(rows, "row")
    }, as they were copied`;
    const left = notCompared.length === 0
      ? ""
      : `; not compared, since not both manifest and copy say it: ${notCompared.join(", ")}`;
    if (wrongIndexes.length > 0) {
      return {
        ...pass(
          `${held}; but entries of ${wrongIndexes.join(", ")} are not those of their rows${left}`,
        ),
        status: "warn",
        hint: "A restore rebuilds them. The database itself was so: harbor-db verify --only integrity",
        details: { wrongIndexes, notChecked: notCompared },
      };
    }
    const isRestored = proven.proof !== "read back";
    const found = pass(
      `${held} (${isRestored ? proofWords({ ...proven, notCompared: null }) : proofText(proven)})${left}`,
    );
    if (!isRestored) {
      const { details, ...open } = onlyReadBack(proven);
      return {
        ...found,
        ...open,
        details: { ...details, notChecked: [...details.notChecked, ...notCompared] },
      };
    }
    if (notCompared.length === 0) return found;
    const hint = "See what its manifest says: harbor-db backup list --verbose";
    return { ...found, status: "warn", hint, details: { notChecked: notCompared } };
  });
}

/** Returns what to do about a copy that nobody has restored, which is never the same as one that somebody has. */
export function onlyReadBack({ notRestored }: Proven) {
  return {
    status: "warn",
    hint: notRestored === "the role may not create databases"
      ? "Let the role create a database for it, as a superuser: ALTER ROLE … CREATEDB"
      : "Try it on another database: harbor-db restore <backup> --to <url>",
    details: { notRestored, notChecked: ["restore"] },
  } satisfies Partial<Found>;
}

/** What it takes to read a backup's file. */
interface Readable {
  /** Where it can be read on this machine. */
  readonly path: string;
  readonly store: BackupStore;
  readonly identities: readonly string[];
}

/** Runs work with the file as it was before compression and encryption. */
async function withCopy<T>(
  { backup, path, store, identities }: Readable & { readonly backup: StoredBackup },
  work: (copy: string) => Promise<T>,
): Promise<T> {
  const { manifest } = backup;
  if (manifest.plain === null) return await work(path);
  if (manifest.encryption !== null && identities.length === 0) {
    throw new HarborError("bad_config", `Cannot decrypt "${backup.path}": no identity is given`, {
      hint: "Give the file with the key that it was encrypted to: --identity key.txt",
    });
  }
  const { client, signal, now } = store;
  const { decodeFile } = await import("./store/codec.ts");
  await clearLeftovers(dirname(path), client, now());
  return await withWorkspace(dirname(path), { id: `${manifest.id}-read`, client }, async (workspace) => {
    const copy = join(workspace, "copy");
    await requireSpace(
      workspace,
      manifest.plain!.bytes,
      "Free some space there, or copy the backup and its manifest to another device and name it there. Nothing was changed.",
    );
    const { sha256 } = await decodeFile(path, copy, { manifest, identities, signal, name: backup.path });
    if (sha256 !== manifest.plain?.sha256) throw damaged(backup, "it does not decode to what was copied");
    return await work(copy);
  });
}

async function findDamage({ manifest }: StoredBackup, look: () => Promise<Found>): Promise<Found> {
  try {
    return await look();
  } catch (error) {
    const isDamage = error instanceof HarborError && ["damaged_backup", "backup_failed"].includes(error.code);
    if (!isDamage) throw error;
    const lack = findLack(error, manifest);
    if (lack === null) return notSound(error.message);
    return { ...lack, status: "error", details: { uncarried: manifest.uncarried, notChecked: ["content"] } };
  }
}

/** Says that a copy could not be restored for what is not there, which says nothing against the copy. */
export function lacking(
  { path, manifest }: StoredBackup,
  { message, hint }: Omit<Lack, "hint"> & Pick<Found, "hint">,
): HarborError {
  return new HarborError("backup_failed", `Cannot restore "${path}": ${message}`, {
    hint: hint ?? undefined,
    details: { path, uncarried: manifest.uncarried },
  });
}

function damaged({ path }: StoredBackup, state: string): HarborError {
  return new HarborError("damaged_backup", `Cannot use the backup "${path}": ${state}`, {
    hint: "Use another one: harbor-db backup list",
    details: { path },
  });
}
