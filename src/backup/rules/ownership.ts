import type { Identity } from "../../engines/backup/identity.ts";
import type { Manifest } from "./manifest.ts";

/** The database whose backups are meant. */
export interface Owner extends Identity {
  /** Its address, as manifests have it. */
  readonly place: string;
}

type Marks = Pick<Manifest, "database" | "identity" | "home">;

/**
 * Whether a backup is one of the database, for all that reads: by its identity, wherever and by whichever name it was
 * made. What one of the two has none of is known by its address.
 */
export function isOf({ id, place }: Owner, { identity = null, database }: Marks): boolean {
  if (id === undefined) return database === place;
  return identity === null ? database === place : identity === id;
}

/** Whether a backup may be one of a database that could not be asked: it has an identity, and another address. */
export function mayBeOf(owner: Owner, marks: Marks): boolean {
  return owner.id === undefined && !isOf(owner, marks) && (marks.identity ?? null) !== null;
}

/**
 * Whether a backup is the database's to remove and to rely on: the identity must agree **and** the place, since a copy of
 * the database has the same identity, and another database may be called by the same name.
 */
export function isOwnedBy(owner: Owner, { identity = null, database, home }: Marks): boolean {
  const { id, place } = owner;
  // Earlier releases knew a database by its place alone, and so are their backups while it has no identity.
  const isHome = home === owner.home || (identity === null && home === null);
  return id !== undefined && identity === id && database === place && isHome;
}
