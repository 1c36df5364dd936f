import { counted } from "../../base/quantity.ts";
import type { DrizzleTable } from "../../engines/drizzle_table.ts";
import { type KnownRevision, readDrizzleRows } from "./drizzle_rows.ts";

/** Whose table says which revisions a database has. */
export type Labeller = "alembic" | "drizzle" | "harbor-db";

/** What such a table says. */
export interface Label {
  readonly by: Labeller;
  /** The table's name. */
  readonly table: string;
  /** Ids or hashes, as they stand in it. */
  readonly rows: readonly string[];
  /** The revision that it stands for: `null` for base, `undefined` when it cannot be told. */
  readonly revision: string | null | undefined;
  /** Rows that no revision of the history stands behind. */
  readonly unknown: readonly string[];
  /** Revisions that it lacks, though it has a later one. */
  readonly missing: readonly string[];
  /** Revisions whose script is another now. */
  readonly edited: readonly string[];
  /** Whether the schema is that of the revision, but for what no revision knows. */
  readonly isTrue: boolean;
}

/** What labels are read with. */
export interface LabelSources {
  /** In order. */
  readonly revisions: readonly KnownRevision[];
  /** Says whether the schema is that of a revision and no other's, but for what no revision knows. */
  readonly bearsOut: (revision: string | null) => boolean;
  /** `null` where there is no such table. */
  readonly alembic: readonly string[] | null;
  /** The tables of drizzle's own migrator. */
  readonly drizzle: readonly DrizzleTable[];
  /** `null` where there is no such table. */
  readonly own: readonly string[] | null;
}

type Claim = Pick<Label, "revision" | "unknown" | "missing" | "edited">;

/** Reads the labels that a database carries and says of each whether its schema bears it out. */
export function readLabels({ revisions, bearsOut, alembic, drizzle, own }: LabelSources): readonly Label[] {
  const ids = revisions.map(({ id }) => id);
  const label = (by: Labeller, table: string, rows: readonly string[], claim: Claim): Label => ({
    by,
    table,
    rows,
    ...claim,
    isTrue: claim.revision !== undefined && bearsOut(claim.revision),
  });
  return [
    ...alembic === null ? [] : [label("alembic", "alembic_version", alembic, one(alembic, ids))],
    ...drizzle.map(({ name, rows }) => {
      const { ran, edited, unknown } = readDrizzleRows(rows, revisions);
      return label("drizzle", name, rows.map(({ hash }) => hash), {
        ...beginning(ran, unknown, ids),
        edited,
      });
    }),
    ...own === null ? [] : [
      label(
        "harbor-db",
        "harbor_version",
        own,
        beginning(own.filter((id) => ids.includes(id)), own.filter((id) => !ids.includes(id)), ids),
      ),
    ],
  ];
}

/** Says what a label claims and whether that is true. */
export function describeLabel(label: Label): string {
  const { by, table, rows, revision, unknown, missing, edited, isTrue } = label;
  if (by === "alembic" && rows.length === 0) return "alembic_version is empty, which says nothing";
  const said = by === "drizzle" ? `has ${counted(rows.length, "row")}` : `says ${rows.join(", ")}`;
  if (unknown.length > 0) return `${table} ${said}: this history does not know ${describeUnknown(label)}`;
  if (by === "drizzle" && missing.length > 0) {
    return `${table} ${said}, without ${few(missing)}, which the history has before what ran`;
  }
  if (revision === undefined) return `${table} ${said}, which is no one revision`;
  const claim = rows.length === 0 ? "is empty" : `says ${revision ?? "base"}`;
  const since = edited.length === 0 ? "" : ` (edited since: ${few(edited)})`;
  if (isTrue) return `${table} ${claim}${since}, and that is true`;
  return `${table} ${claim}${since}, and that is not true: the schema is not ${
    revision === null ? "empty" : "that revision's"
  }`;
}

/** Names what no revision stands behind; of drizzle's hashes how many, and the beginning of one. */
export function describeUnknown({ by, unknown }: Label): string {
  const [first = ""] = unknown;
  if (by !== "drizzle") return unknown.join(", ");
  return `${unknown.length} of them (${unknown.length > 1 ? "the first " : ""}hash ${first.slice(0, 12)}…)`;
}

function few(ids: readonly string[]): string {
  return `${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ` and ${ids.length - 3} more` : ""}`;
}

/** Alembic keeps one row, the last revision. A single `alembic current` leaves the table, and no row in it. */
function one(rows: readonly string[], ids: readonly string[]): Claim {
  const unknown = rows.filter((row) => !ids.includes(row));
  const revision = rows.length > 1 || unknown.length > 0 ? undefined : rows[0];
  return { unknown, revision, missing: [], edited: [] };
}

/** The others keep a row for each revision, in no order that matters. */
function beginning(known: readonly string[], unknown: readonly string[], ids: readonly string[]): Claim {
  const last = ids.findLastIndex((id) => known.includes(id));
  const missing = ids.slice(0, last + 1).filter((id) => !known.includes(id));
  const isClear = missing.length === 0 && unknown.length === 0;
  return { unknown, missing, edited: [], revision: isClear ? ids[last] ?? null : undefined };
}
