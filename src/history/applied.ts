import { HarborError } from "../base/errors.ts";
import type { History, Revision } from "./history.ts";
import { isFolderTag, prefixOf } from "./revision_name.ts";

/** Which way a step goes. */
export type Direction = "upgrade" | "downgrade";

/** A row of the version table: a revision that the database has, or is on its way to or from. */
export interface Applied {
  readonly revision: string;
  /** What the table calls the revision, where that is another name than its id of today. */
  readonly recordedAs?: string;
  readonly name: string;
  /** Checksum of the upgrade script when it ran. */
  readonly checksum: string;
  /** What was last started on it. */
  readonly direction: Direction;
  /** Statements of that script that are committed. */
  readonly statementsDone: number;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  /** When the upgrade was complete; `null` while a script is under way, in either direction. */
  readonly finishedAt: string | null;
  /** How long the upgrade took, in milliseconds; `null` when it was not measured. */
  readonly ms: number | null;
  /** The harbor-db that did it: `0.1.0`. */
  readonly appliedBy: string;
  /**
   * How the row came about: by running the script, on somebody's word, by a look at the schema, or by a bridge, which
   * led to head from a schema that was no revision's.
   */
  readonly origin: "run" | "stamp" | "alembic" | "adopt" | "bridge";
}

/** Where a database stands in a history. */
export interface Position {
  /** How many revisions are applied; one whose downgrade stopped half way still counts, one whose upgrade did does not. */
  readonly done: number;
  /** The revision that stopped half way, in either direction. */
  readonly unfinished: Applied | null;
}

/**
 * Compares the version table with the history.
 *
 * @throws {HarborError} `missing_revision`, `out_of_order` or `checksum_mismatch` when they disagree
 */
export function locate(history: History, applied: readonly Applied[]): Position {
  const rows = new Map(applied.map((row) => [row.revision, row]));
  const known = new Set(history.revisions.map((revision) => revision.id));
  const unknown = applied.find((row) => !known.has(row.revision));
  if (unknown !== undefined) {
    throw new HarborError(
      "missing_revision",
      `Cannot place revision "${unknown.revision}" (${unknown.name}): the database has it and the history does not`,
      {
        hint:
          `Use the harbor-db or the --dir that made it (a newer release, another branch): the database does not carry the way back past it. harbor-db ${unknown.appliedBy} applied it.`,
        details: { revision: unknown.revision },
      },
    );
  }
  // A stamp of any other would take those after it out of the version table.
  const last = history.revisions.findLast((revision) => rows.has(revision.id))?.id ?? "base";
  const gap = history.revisions.findIndex((revision) => !rows.has(revision.id));
  const present = gap < 0 ? history.revisions.length : gap;
  const later = history.revisions.slice(present).find((revision) => rows.has(revision.id));
  if (later !== undefined) {
    const missing = history.revisions[present]!;
    throw new HarborError(
      "out_of_order",
      `Cannot place revision "${later.id}" (${later.name}): it is applied, and "${missing.id}" (${missing.name}) before it is not`,
      {
        hint:
          `If the schema does have what ${missing.id} makes: harbor-db stamp ${last}. If not, restore a backup.`,
        details: { revision: later.id, missing: missing.id },
      },
    );
  }
  for (const revision of history.revisions.slice(0, present)) {
    const row = rows.get(revision.id)!;
    if (!isOf(row, revision)) throw edited(revision, { row, last });
  }
  const unfinished = applied.find((row) => row.finishedAt === null) ?? null;
  return { done: unfinished?.direction === "upgrade" ? present - 1 : present, unfinished };
}

/**
 * Returns rows under the ids that their revisions have now: a tag with the same prefix that came or went makes another id
 * of a prefix, see {@link idsOf}; and where drizzle-kit 1.0 laid the history out anew, or a release of before that goes on, a script
 * is known by its text and name.
 */
export function underPresentIds(
  { revisions, isFoldered = false }: Pick<History, "revisions" | "isFoldered">,
  applied: readonly Applied[],
): readonly Applied[] {
  const ids = new Set(revisions.map(({ id }) => id));
  const taken = new Set(applied.map(({ revision }) => revision));
  return applied.map((row) => {
    if (ids.has(row.revision)) return row;
    const [own, other] = revisions.filter((each) =>
      each.tag === row.revision ||
      (isOf(row, each) &&
        (prefixOf(each.tag) === row.revision ||
          ((isFoldered || isFolderTag(row.revision)) && each.name === row.name && !taken.has(each.id))))
    );
    if (own === undefined || other !== undefined) return row;
    return { ...row, revision: own.id, recordedAs: row.revision };
  });
}

/** Returns an id as Alembic's version table has room for it. What Alembic does not know stops it, whole or not. */
export function alembicForm(id: string): string {
  return id.slice(0, 32);
}

/** Says whether a row was written for a revision's script as it is now, whatever its line ends. */
export function isOf({ checksum }: Applied, revision: Revision): boolean {
  return checksum === revision.checksum || checksum === revision.rawChecksum;
}

function edited(
  revision: Revision,
  { row, last }: { readonly row: Applied; readonly last: string },
): HarborError {
  return new HarborError(
    "checksum_mismatch",
    `Cannot trust revision "${revision.id}" (${revision.name}): its script was edited after it was applied on ${row.startedAt}`,
    {
      hint: row.finishedAt === null
        ? `It stopped half way: restore ${
          revision.files[0]
        } from version control and go on, or go back to a backup: harbor-db backup list`
        : `Restore ${
          revision.files[0]
        } from version control and put the change into a new revision; if the edit changes nothing: harbor-db stamp ${last}`,
      details: { revision: revision.id, applied: row.checksum, history: revision.checksum },
    },
  );
}
