import type { Account } from "./account.ts";
import type { BackupEngineName, Proven, TableContent } from "./content.ts";
import type { OtherObject } from "../../schema/snapshot.ts";
import type { Database, OpenOptions } from "../database.ts";
import type { HoldContents } from "../watch/held_contents.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";

/** What a backup holds, as seen in the one snapshot that it was made from. */
export interface BackupContent {
  /** The server's or SQLite's version. */
  readonly serverVersion: string;
  /** In the order of their names; without `harbor_lock`, which no copy brings back. */
  readonly tables: readonly TableContent[];
  /**
   * A digest of all definitions (tables, indexes, views …), hex, comparable as {@link TableContent.digest} is. Two
   * backups are taken for identical only when both have it; left out by an engine that cannot tell.
   */
  readonly schema?: string;
  /**
   * A digest of what else a restore brings back: how far sequences have come, SQLite's `user_version`. Left out where it
   * was not read.
   */
  readonly state?: string;
  /**
   * How long the copying alone took, in milliseconds; left out by an engine that takes the digests in the same pass or
   * beside it.
   */
  readonly copyMs?: number;
}

/**
 * Makes, proves and restores copies of one kind of database: the second, smaller waist beside `Database`. One folder an
 * engine. It knows nothing of manifests, names, compression or retention: `backup/` does that for all.
 *
 * Every method throws `HarborError`: `backup_failed`, `disk_full`, `connection_failed`, `interrupted` …, and leaves
 * nothing behind at `path` when it does.
 */
export interface BackupEngine {
  /** As the manifest names it. */
  readonly name: BackupEngineName;
  /** Where it restores what something is tried on. */
  readonly keepsTrials: "beside the copy" | "on the server";
  /** The ending of its files: `.db`, `.dump` … */
  readonly suffix: string;
  /** Estimates how many bytes a copy takes, from the database's size. */
  estimate(): Promise<number>;
  /** Lists what is in the database and would not be in a copy; empty for engines that carry everything. */
  uncarried(): Promise<readonly OtherObject[]>;
  /** Copies one consistent snapshot into a new file at `path` (mode 0600, flushed to disk) and returns what it holds. */
  dump(path: string, signal: AbortSignal, onProgress?: OnProgress): Promise<BackupContent>;
  /**
   * Reads the file at `path` back, checks its structure, restores its content aside and returns what came out. It is
   * only read back where what keeps it from being restored is outside of the copy, by one of the known reasons.
   */
  prove(
    path: string,
    signal: AbortSignal,
    options?: ProveOptions,
  ): Promise<Proven & ProvenCopy>;
  /** Does both, where the one need not wait for the end of the other; left out by engines that do them in turn. */
  dumpAndProve?(path: string, signal: AbortSignal, options?: BothOptions): Promise<BothContents>;
  /**
   * Says what keeps a copy from being restored aside where it can be seen before one is made, with the remedy; `null` when
   * nothing is known to.
   */
  trialObstacle(): Promise<TrialObstacle | null>;
  /**
   * Says early that a restore would be refused because others use the database. Left out by engines whose servers
   * make them wait.
   *
   * @throws {HarborError} `in_use`
   */
  refuseIfInUse?(): Promise<void>;
  /**
   * Says early that there is no room for what a restore would put beside the database. Left out by engines whose servers have the
   * room, or lack it.
   *
   * @throws {HarborError} `disk_full`
   */
  requireRoom?(copy: CopyToPlace): Promise<void>;
  /** Puts the file's content in the place of the whole database: all of it, or on any failure none of it. */
  restore(path: string, signal: AbortSignal, options?: RestoreOptions): Promise<void>;
  /**
   * Keeps what is at the database's address under another name, as it is, and returns where; `null` when nothing is
   * there. For a database that is too damaged for a copy that could be proven; left out by engines whose servers look
   * after their own files.
   */
  setAside?(): Promise<string | null>;
}

/** A copy that is to be put in place. */
export interface CopyToPlace {
  /** Where its file is. */
  readonly path: string;
  /** How long the copy is. */
  readonly bytes: number;
  /** Whether the file is the copy as it is, and neither compressed nor encrypted. */
  readonly isPlain: boolean;
}

/** What came out of a copy. */
export interface ProvenCopy {
  readonly content: BackupContent;
  /** The indexes whose entries are not those of their rows, with `ProveOptions.mayHaveWrongIndexes`. */
  readonly wrongIndexes?: readonly string[];
  /** What it says of itself, with `ProveOptions.readsAccount`. */
  readonly account?: Account;
}

/** How thorough a proof is. */
export interface Thoroughness {
  /**
   * Whether it may leave out of a large copy what takes longest and no row depends on, since a change waits for it. The
   * engine says in `Proven.notCompared` what it left out.
   */
  readonly isQuick?: boolean | undefined;
}

/** What {@link BackupEngine.prove} tells. */
export interface ProveOptions extends Thoroughness {
  /**
   * Whether a copy passes whose indexes alone are wrong, since the rows tell what belongs there and
   * `RestoreOptions.wrongIndexes` has them rebuilt.
   */
  readonly mayHaveWrongIndexes?: boolean | undefined;
  /** Whether what the copy says of itself is read, too. */
  readonly readsAccount?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
  /**
   * Called with what was restored aside, while it is there; it may be changed, and is gone afterwards. Not called where the
   * copy could only be read back.
   */
  readonly onRestored?: ((trial: Trial) => Promise<void>) | undefined;
}

/** A copy that was restored aside, to try something on. */
export interface Trial {
  readonly content: BackupContent;
  readonly url: DatabaseUrl;
  /** How it has to be opened to do as the database itself would. */
  readonly options: Pick<OpenOptions, "largeRows">;
  /**
   * Brings the server to where it is when the run on the database begins, before each time that something is measured: on a connection of
   * its own then, as the run has one, since a server is quicker where it did the same before. Left out where that makes no difference.
   */
  settle?(): Promise<void>;
  /** Holds what is in it, for comparing that with what something leaves that is tried on it. Called before. */
  readonly hold: HoldContents;
  /**
   * Makes rows up to which rows of the copy would refer by more references: what is tried may make those. Left out where a copy holds
   * all that it refers to.
   */
  standIn?(references: readonly HostReference[]): Promise<void>;
  /** Returns the copy as scripts get it: what would change more than that is not run, and named in `remarks`. Left out where nothing could. */
  guard?(copy: Database): Database;
  /** What of the copy, or of the figures that are taken on it, is otherwise in the database itself, as sentences: as it is by now. */
  readonly remarks: readonly string[];
  /** Tells, once the copy is gone, what of the trial could not be taken away with it, as sentences. Left out where all can. */
  onLeft?(tell: (sentence: string) => void): void;
}

/** Returns the remarks on what was not run on a copy. */
export function notRehearsed(sentences: Iterable<string>): readonly string[] {
  return Array.from(sentences, (each) => `Not rehearsed: ${each}.`);
}

/** A reference to a table that no copy holds, by names as snapshots have them. */
export interface HostReference {
  readonly table: string;
  readonly columns: readonly string[];
  /** `auth.users` */
  readonly host: string;
  readonly keys: readonly string[];
}

/** Why nothing can be restored aside. */
export interface TrialObstacle {
  readonly code: "rehearsal_failed" | "untrusted_owner";
  /** As the end of a sentence. */
  readonly state: string;
  readonly remedy: string;
}

/** What a copy was made from, and what came out of it. */
export interface BothContents extends Proven {
  readonly copied: BackupContent;
  readonly content: BackupContent;
}

/** What {@link BackupEngine.dumpAndProve} tells. */
export interface BothOptions extends Thoroughness {
  readonly onProgress?: BothProgress | undefined;
  /** See {@link ProveOptions.onRestored}; also told what was copied. */
  readonly onRestored?: ((trial: Trial, copied: BackupContent) => Promise<void>) | undefined;
}

/** How far a copy and its proof are. */
export interface BothProgress {
  readonly dump: OnProgress;
  readonly prove: OnProgress;
}

/** Called now and then with the share that is done, from 0 to 1. */
export type OnProgress = (share: number) => void;

/** What an engine may need while it restores. */
export interface RestoreOptions {
  /**
   * The open connection that holds the lock, for an engine whose writes have to pass its fence, or that has to close
   * it before it swaps files. `null` when what is there is too damaged to be opened.
   */
  readonly database: Database | null;
  readonly onProgress?: OnProgress;
  /** What `prove` found wrong, to be rebuilt and checked again before anything is replaced. */
  readonly wrongIndexes?: readonly string[];
  /** Told what could not be kept of the file that is replaced, or brought back of the copy. */
  readonly onRemark?: (text: string) => void;
}
