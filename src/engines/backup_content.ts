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

/** What the identity of a database looks like, in it and in manifests. */
export const identityForm = /^[0-9a-f]{32}$/;
