/** A table in which a tool keeps which revisions a database has. */
export type Labeller = "alembic_version" | "__drizzle_migrations" | "harbor_version";

/** What such a table says. */
export interface Label {
  readonly table: Labeller;
  /** Ids or hashes, as they stand in it. */
  readonly rows: readonly string[];
  /** The revision that it stands for: `null` for base, `undefined` when it cannot be told. */
  readonly revision: string | null | undefined;
  /** Rows that no revision of the history stands behind. */
  readonly unknown: readonly string[];
  /** Whether the schema is that of the revision, but for what no revision knows. */
  readonly isTrue: boolean;
}

/** What labels are read with. */
export interface LabelSources {
  /** In order. */
  readonly revisions: readonly { readonly id: string; readonly checksum: string }[];
  /** Says whether the schema is that of a revision and no other's, but for what no revision knows. */
  readonly bearsOut: (revision: string | null) => boolean;
  /** `null` where there is no such table. */
  readonly alembic: readonly string[] | null;
  /** Hashes of scripts, in the order in which they ran. */
  readonly drizzle: readonly string[] | null;
  readonly own: readonly string[] | null;
}

/** Reads the labels that a database carries and says of each whether its schema bears it out. */
export function readLabels({ revisions, bearsOut, alembic, drizzle, own }: LabelSources): readonly Label[] {
  const ids = revisions.map(({ id }) => id);
  const label = (
    table: Labeller,
    rows: readonly string[],
    found: Pick<Label, "revision" | "unknown">,
  ): Label => ({
    table,
    rows,
    ...found,
    isTrue: found.revision !== undefined && bearsOut(found.revision),
  });
  return [
    ...alembic === null ? [] : [label("alembic_version", alembic, one(alembic, ids))],
    ...drizzle === null ? [] : [
      label(
        "__drizzle_migrations",
        drizzle,
        inOrder(drizzle, revisions.map(({ checksum }) => checksum), ids),
      ),
    ],
    ...own === null ? [] : [label("harbor_version", own, ofSet(own, ids))],
  ];
}

/** Says what a label claims and whether that is true. */
export function describeLabel({ table, rows, revision, unknown, isTrue }: Label): string {
  if (table === "alembic_version" && rows.length === 0) return "alembic_version is empty, which says nothing";
  const [known] = unknown;
  if (known !== undefined) {
    return `${table} says ${rows.join(", ")}: this history does not know ${unknown.join(", ")}`;
  }
  if (revision === undefined) return `${table} says ${rows.join(", ")}, which is no one revision`;
  const claim = rows.length === 0 ? "is empty" : `says ${revision ?? "base"}`;
  if (isTrue) return `${table} ${claim}, and that is true`;
  return `${table} ${claim}, and that is not true: the schema is not ${
    revision === null ? "empty" : "that revision's"
  }`;
}

/** Alembic keeps one row, the last revision. A single `alembic current` leaves the table, and no row in it. */
function one(rows: readonly string[], ids: readonly string[]): Pick<Label, "revision" | "unknown"> {
  const unknown = rows.filter((row) => !ids.includes(row));
  return { unknown, revision: rows.length > 1 || unknown.length > 0 ? undefined : rows[0] };
}

/** drizzle keeps a row for each script that it ran, by the script's hash. */
function inOrder(
  rows: readonly string[],
  checksums: readonly string[],
  ids: readonly string[],
): Pick<Label, "revision" | "unknown"> {
  const unknown = rows.filter((row) => !checksums.includes(row));
  const isBeginning = rows.every((row, place) => row === checksums[place]);
  return { unknown, revision: isBeginning ? ids[rows.length - 1] ?? null : undefined };
}

/** harbor-db keeps a row for each revision. */
function ofSet(rows: readonly string[], ids: readonly string[]): Pick<Label, "revision" | "unknown"> {
  const unknown = rows.filter((row) => !ids.includes(row));
  const isBeginning = ids.slice(0, rows.length).every((id) => rows.includes(id));
  return {
    unknown,
    revision: isBeginning && unknown.length === 0 ? ids[rows.length - 1] ?? null : undefined,
  };
}
