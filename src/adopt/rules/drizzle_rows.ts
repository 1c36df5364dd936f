import type { Revision } from "../../history/history.ts";
import type { Table } from "../../schema/snapshot.ts";
import type { DrizzleRow } from "../../engines/drizzle_table.ts";

/** What is known of a revision beside its scripts. */
export type KnownRevision = Pick<Revision, "id" | "tag" | "createdAt" | "checksum" | "rawChecksum">;

/** Which revisions stand behind the rows of drizzle's own migrator. */
export interface DrizzleRecord {
  /** The revisions that it ran, in order of the history. */
  readonly ran: readonly string[];
  /** Those of them whose script is another now. */
  readonly edited: readonly string[];
  /** Hashes of rows that no revision stands behind. */
  readonly unknown: readonly string[];
}

/**
 * Finds the revision of each row: by the script's hash, where several have the same by the date too, and else, since
 * drizzle goes by that alone, by the folder's name or the date. drizzle-orm 1.0 keeps dates in whole seconds.
 */
export function readDrizzleRows(
  rows: readonly DrizzleRow[],
  revisions: readonly KnownRevision[],
): DrizzleRecord {
  const ran = new Map<string, boolean>();
  const unknown: string[] = [];
  const find = (isIt: (revision: KnownRevision) => boolean) =>
    revisions.filter((revision) => !ran.has(revision.id) && isIt(revision));
  const hasHash = ({ hash }: DrizzleRow) => (each: KnownRevision) =>
    each.rawChecksum === hash || each.checksum === hash;
  const hasDate = ({ createdAt }: DrizzleRow) => (each: KnownRevision) =>
    Date.parse(each.createdAt) === createdAt;
  const left = [];
  // Whole matches first, so that of two scripts with the same text none takes the other's row.
  for (const row of rows) {
    const [whole] = find((each) => hasHash(row)(each) && hasDate(row)(each));
    if (whole === undefined) left.push(row);
    else ran.set(whole.id, false);
  }
  for (const row of left) {
    const second = (ms: number) => Math.floor(ms / 1000);
    const near = row.createdAt === null
      ? []
      : find((each) => second(Date.parse(each.createdAt)) === second(row.createdAt!));
    const [same] = find(hasHash(row));
    const other = find(({ tag }) => tag === row.name)[0] ?? find(hasDate(row))[0] ??
      (near.length === 1 ? near[0] : undefined);
    const found = same ?? other;
    if (found === undefined) unknown.push(row.hash);
    else ran.set(found.id, same === undefined);
  }
  const ids = revisions.map(({ id }) => id);
  return {
    ran: ids.filter((id) => ran.has(id)),
    edited: ids.filter((id) => ran.get(id) === true),
    unknown,
  };
}

/** Whether a table has the columns in which drizzle's own migrator keeps what it ran, under whatever name. */
export function isMigratorsTable({ columns }: Table): boolean {
  const names = columns.map(({ name }) => name).sort().join();
  return names === "created_at,hash,id" || names === "applied_at,created_at,hash,id,name";
}
