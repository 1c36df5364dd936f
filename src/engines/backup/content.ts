/** What a table of a backup holds. */
export interface TableContent {
  readonly name: string;
  readonly rows: number;
  /**
   * A digest of all rows, hex. Equal content gives an equal digest whatever its order on disk, on whichever copy it
   * is computed; it is comparable between copies made by the same engine only.
   */
  readonly digest: string;
}

/** Which engine made a copy, and so what kind of file it is. */
export type BackupEngineName = typeof backupEngineNames[number];

/** All of them. */
export const backupEngineNames = ["sqlite", "libsql", "pg_dump", "harbor"] as const;

/** How a copy was proven: restored and opened as a database, restored into a scratch database, or read back row by row. */
export type Proof = typeof proofs[number];

/** All of them. */
export const proofs = ["opened", "scratch database", "read back"] as const;

/** Why a copy was read back and not restored: what the proof lacks, and not the copy. */
export type NotRestored = typeof notRestoredReasons[number];

/** All of them, as the end of a sentence. */
export const notRestoredReasons = [
  "the role may not create databases",
  "the server makes no scratch database",
  "the role may not connect to a new database",
  "the server has no room for it twice",
  "an extension cannot be made in a scratch database",
  "its definitions need something outside of the copy",
  "code of a role with fewer rights would run",
] as const;

/** What the proof of a copy did not look at, so that a change need not wait for it. */
export type NotCompared = typeof notComparedParts[number];

/** All of them. */
export const notComparedParts = ["index entries"] as const;

/** What was made first where a copy was restored aside, in place of what the database's host brings. */
export interface ProofHost {
  /** The file that made it, as shown in messages. */
  readonly file: string;
  /** Its checksum, as `SHA256SUMS` has it. */
  readonly sha256: string;
  /** Why the copy was not restored on it; `null` when it was. */
  readonly fault: string | null;
}

/** How far a copy was proven. */
export interface Proven {
  /** `null` or left out where nothing was made first. */
  readonly host?: ProofHost | null;
  readonly proof: Proof;
  /** For `read back`; `null` also where an earlier release did not note it. */
  readonly notRestored: NotRestored | null;
  /** `null` or left out where everything was looked at that the proof can look at. */
  readonly notCompared?: NotCompared | null;
  /**
   * The references out of the copy, as `notes (owner) to auth.users (id)`: the rows behind them were made up where it was restored.
   * Left out where there are none.
   */
  readonly notFollowed?: readonly string[];
}

/** Says how far a copy was proven: `proven (opened)`, `read back, NOT restored: the role may not create databases`. */
export function proofText(proven: Proven): string {
  const { proof, notRestored, host } = proven;
  if (proof !== "read back") return `proven (${proofWords(proven)})`;
  const fault = host?.fault ?? null;
  return `read back, NOT restored${notRestored === null ? "" : `: ${notRestored}`}${
    fault === null ? "" : ` (${fault})`
  }`;
}

/** Says how a copy was proven: `opened`, `opened; index entries not compared`, `scratch database, on what drizzle/host.sql makes`. */
export function proofWords(proven: Proven): string {
  const { proof, notCompared = null, host = null } = proven;
  const how = host === null || host.fault !== null ? proof : `${proof}, on what ${host.file} makes`;
  return `${how}${notCompared === null ? "" : `; ${notCompared} not compared`}${notFollowedText(proven)}`;
}

/** Says which references nobody followed: `; not looked at: the rows behind notes (owner) to auth.users (id)`; nothing without any. */
export function notFollowedText({ notFollowed = [] }: Pick<Proven, "notFollowed">): string {
  return notFollowed.length === 0 ? "" : `; not looked at: the rows behind ${namedReferences(notFollowed)}`;
}

/** Names the first references, and counts the others. */
export function namedReferences(references: readonly string[]): string {
  const more = references.length - shownReferences;
  return `${references.slice(0, shownReferences).join(", ")}${
    more > 0 ? ` and ${more} more references` : ""
  }`;
}

/** How many references are told one by one; all of them are in the manifest. */
const shownReferences = 5;

/** What the identity of a database looks like, in it and in manifests. */
export const identityForm = /^[0-9a-f]{32}$/;
