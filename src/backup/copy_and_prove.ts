import { existsSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { unlessAsked } from "../base/interrupt.ts";
import { fileFailure } from "../base/files/file_failure.ts";
import { requireSpace } from "../base/files/free_space.ts";
import { makeFolderFor } from "../base/files/owner.ts";
import type { NotRestored, Proven } from "../engines/backup/content.ts";
import type {
  BackupContent,
  BackupEngine,
  BothOptions,
  OnProgress,
  Trial,
} from "../engines/backup/engine.ts";
import type { RunContext } from "../engines/run_context.ts";
import { type Meter, startMeter } from "../engines/backup/meter.ts";
import { differingTables } from "./rules/manifest.ts";
import { backupOwner, type BackupStore } from "./store/store.ts";
import { tellLeftovers, withWorkspace } from "./store/workspace.ts";

/** How long a backup took, in milliseconds. */
export interface BackupTiming {
  /** To copy the database. */
  readonly copyMs: number;
  /** To read it once more, check the copy and compare the two. */
  readonly proofMs: number;
}

/**
 * Tries something on a proven copy, which is gone afterwards.
 *
 * @param timing How long it took until there
 */
export type OnTrial = (trial: Trial, timing: BackupTiming) => Promise<void>;

/**
 * Copies a database into a file, and proves the copy.
 *
 * @param onTrial Called with what was restored aside, once it is proven; not called where nothing can be, if it may go untried
 * @throws {HarborError} `backup_failed`, `rehearsal_failed` where something is to be tried and nothing can be restored aside
 */
export async function copyAndProve(
  context: RunContext,
  engine: BackupEngine,
  { path, meter, share, onTrial, mayGoUntried = false, isQuick }: {
    readonly path: string;
    readonly meter: Meter;
    /** How much of the whole work this is. */
    readonly share: number;
    readonly onTrial: OnTrial | undefined;
    readonly mayGoUntried?: boolean;
    /** Whether a change waits for it: see `Thoroughness`. */
    readonly isQuick: boolean;
  },
): Promise<Proven & { readonly content: BackupContent; readonly timing: BackupTiming }> {
  const { signal, database } = context;
  const began = performance.now();
  const copying = meter.part("copying", share * 0.45);
  let proving: OnProgress | undefined;
  const onProof: OnProgress = (done) => (proving ??= meter.part("proving the copy", share))(done);
  const timingNow = ({ copyMs = 0 }: BackupContent) => ({
    copyMs,
    proofMs: performance.now() - began - copyMs,
  });
  let tried:
    | { readonly timing: BackupTiming; readonly failure: { readonly error: unknown } | null }
    | undefined;
  // What the trial throws is nothing that the copy lacks.
  const onRestored: BothOptions["onRestored"] = async (trial, copied) => {
    refuseOtherContent(database.url, copied, trial.content);
    const timing = timingNow(copied);
    tried = { timing, failure: await onTrial!(trial, timing).then(() => null, (error) => ({ error })) };
  };
  const { copied: content, ...proven } = await (engine.dumpAndProve ?? inTurn(engine))(path, signal, {
    onProgress: { dump: copying, prove: onProof },
    isQuick,
    ...onTrial === undefined ? {} : { onRestored },
  });
  const timing = tried?.timing ?? timingNow(content);
  refuseOtherContent(database.url, content, proven.content);
  if (tried?.failure) throw tried.failure.error;
  if (onTrial !== undefined && tried === undefined && !mayGoUntried) throw noTrial(database.url, proven);
  return { ...proven, content, timing };
}

/** Does one after the other what other engines do at once. */
function inTurn(engine: BackupEngine): NonNullable<BackupEngine["dumpAndProve"]> {
  return async (path, signal, { onProgress, isQuick, onRestored } = {}) => {
    const began = performance.now();
    const dumped = await engine.dump(path, signal, onProgress?.dump);
    const copied = { copyMs: performance.now() - began, ...dumped };
    onProgress?.prove(0);
    const proven = await engine.prove(path, signal, {
      onProgress: onProgress?.prove,
      isQuick,
      ...onRestored === undefined ? {} : { onRestored: (trial) => onRestored(trial, copied) },
    });
    return { ...proven, copied };
  };
}

/** @throws {HarborError} `backup_failed` when what came out of a copy is not what was in the database */
function refuseOtherContent(url: string, content: BackupContent, found: BackupContent): void {
  const wrong = differingTables(content.tables, found.tables);
  const isStateWrong = found.state !== undefined && content.state !== found.state;
  const isSchemaWrong = content.schema !== found.schema || isStateWrong;
  if (wrong.length === 0 && !isSchemaWrong) return;
  const what = wrong.length > 0 ? `the rows of ${wrong.join(", ")} differ` : "the definitions differ";
  throw new HarborError("backup_failed", `Cannot prove the backup of "${url}": ${what} in the copy`, {
    hint: "Nothing was changed. Look for a failing disk or memory: dmesg",
    details: { tables: wrong },
  });
}

/** What was only read back has left nothing on which anything could be tried. */
function noTrial(url: string, { notRestored, host }: Proven): HarborError {
  const isUntrusted = notRestored === "code of a role with fewer rights would run";
  const fault = host?.fault ?? null;
  return new HarborError(
    isUntrusted ? "untrusted_owner" : "rehearsal_failed",
    `Cannot rehearse on a copy of "${url}"`,
    {
      state: `it could not be restored aside: ${notRestored ?? "nobody knows why"}${
        fault === null ? "" : ` (${fault})`
      }`,
      hint: `Nothing was changed. ${trialRemedy(notRestored)}`,
      details: { notRestored },
    },
  );
}

function trialRemedy(notRestored: NotRestored | null): string {
  switch (notRestored) {
    case "code of a role with fewer rights would run":
      return "Run it as the role that owns the tables, or trust it with all of your own rights: --trust-owner";
    case "its definitions need something outside of the copy":
      return "Make what they need in host.sql beside the history; where harbor-db's own engine made the copy, try: --backup-engine pg_dump";
    case "an extension cannot be made in a scratch database":
      return "Run it as a role that may make the extension.";
    default:
      return "Give the server room for a second copy, or the role the right to make a database for it.";
  }
}

/**
 * Returns how often a copy has to fit beside itself for a trial: it is a copy of the copy, and what is tried on it may write
 * all of it anew. On a server it is there.
 */
export function trialCopies({ keepsTrials }: BackupEngine): number {
  return keepsTrials === "beside the copy" ? 2 : 0;
}

/**
 * Tries something on a proven copy of the database, of which nothing stays.
 *
 * @throws {HarborError} as `makeBackup`, `rehearsal_failed` where no copy can be restored aside, and what `onTrial` throws
 */
export async function tryOnCopy(context: RunContext, store: BackupStore, onTrial: OnTrial): Promise<void> {
  const { folder, client } = store;
  const engine = await store.copier();
  const isNew = !existsSync(folder);
  try {
    makeFolderFor(folder, backupOwner(store));
    await tellLeftovers(folder, client, context);
    await requireSpace(
      folder,
      (1 + trialCopies(engine)) * await unlessAsked(engine.estimate(), context.signal),
    );
    const id = `${store.name}-trial-${context.now().getTime()}`;
    await withWorkspace(folder, { id, client }, async (workspace) => {
      const meter = startMeter(context, "rehearsal");
      await copyAndProve(context, engine, {
        path: join(workspace, "copy"),
        meter,
        share: 1,
        onTrial,
        isQuick: true,
      });
    });
  } catch (error) {
    throw fileFailure(context.database.url, error);
  } finally {
    if (isNew) await rmdir(folder).catch(() => {});
  }
}
