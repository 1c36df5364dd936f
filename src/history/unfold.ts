import type { History, Revision } from "./history.ts";

/** What a database says that it has. */
export interface KnownRevisions {
  /** Ids of revisions, or checksums of their scripts. */
  readonly names: ReadonlySet<string>;
  /** Whether it has tables, and nothing says of which revision. */
  readonly isForeign: boolean;
}

/**
 * Returns the history as a database is to go through it. One that has a revision for which a squashed one stands goes on by
 * those that it knows; one that is empty, or has the squashed one itself, by the squashed one.
 */
export function unfold(history: History, { names, isForeign }: KnownRevisions): History {
  const partsOf = ({ tag }: Revision) => (history.covered ?? []).filter(({ coveredBy }) => coveredBy === tag);
  const isKnown = ({ id, checksum, rawChecksum }: Revision) =>
    [id, checksum, rawChecksum].some((name) => names.has(name));
  const isBegun = (revision: Revision): boolean => isKnown(revision) || partsOf(revision).some(isBegun);
  const open = (revision: Revision): readonly Revision[] => {
    const parts = partsOf(revision);
    const isClosed = parts.length === 0 || isKnown(revision) || !(isForeign || parts.some(isBegun));
    return isClosed ? [revision] : parts.flatMap(open);
  };
  const revisions = history.revisions.flatMap(open);
  return {
    ...history,
    revisions: revisions.map((each, at) => ({ ...each, parent: revisions[at - 1]?.id ?? null })),
  };
}

/** Returns the ids of the revisions that one stands for, its own among them. */
export function standsFor(history: History, id: string): ReadonlySet<string> {
  const { revisions, covered = [] } = history;
  if (covered.length === 0) return new Set([id]);
  const tag = [...revisions, ...covered].find((each) => each.id === id)?.tag;
  const parts = tag === undefined ? [] : covered.filter(({ coveredBy }) => coveredBy === tag);
  return new Set([id, ...parts.flatMap((part) => [...standsFor(history, part.id)])]);
}
