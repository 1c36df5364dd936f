import type { Standing } from "../../engines/backup_content.ts";
import type { Manifest } from "./manifest.ts";

/**
 * Returns in what a manifest contradicts the copy's own tables about where the database stood; `null` where it does not, or
 * where they say nothing, as those of a database that Alembic manages.
 */
export function standingProblem(
  { revision, unfinished }: Pick<Manifest, "revision" | "unfinished">,
  { done, unfinished: open, parents }: Standing,
): string | null {
  if (done.length + open.length === 0) return null;
  // Without a ledger any of them may be the last.
  const last = done.filter((each) => !parents.includes(each));
  const isAt = revision === null ? done.length === 0 : last.some((each) => isSame(each, revision));
  const isOpen = unfinished === null ? open.length === 0 : open.some((each) => isSame(each, unfinished));
  if (isAt && isOpen) return null;
  const says = (place: string | null, half: string | null) =>
    `${place ?? "base"}${half === null ? "" : `, with ${half} half done`}`;
  return `its manifest says ${says(revision, unfinished)}, and its own version table ${
    says(last.join(" or ") || null, open[0] ?? null)
  }`;
}

/**
 * Returns in what a manifest contradicts the copy about whose it is; `null` where it does not, or one of them says nothing.
 * Where a manifest names a database, the copy was made of it with its identity.
 */
export function identityProblem(
  { identity, database }: Pick<Manifest, "identity" | "database">,
  found: string | null | undefined,
): string | null {
  if (identity === null || found === undefined || found === identity) return null;
  return `its manifest says that it is of ${database}, whose identity is ${identity}, and the copy itself says ${
    found ?? "no identity"
  }`;
}

/** A tag that came or went may have made another id of the same revision. */
function isSame(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}_`) || other.startsWith(`${one}_`);
}
