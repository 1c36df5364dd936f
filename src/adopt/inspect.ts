import type { Applied } from "../history/applied.ts";
import { describeLabel, type Label, readLabels } from "./rules/labels.ts";
import { compareSnapshots, type Difference } from "../schema/compare_snapshots.ts";
import { type Match, matchRevision, ownTables, type RevisionSchema } from "../state/rules/match_revision.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { readAlembicVersions, readApplied, readDrizzleHashes } from "../engines/version_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { findOtherRelations } from "../state/find_other_relations.ts";
import { ownNames, snapshotOf } from "../state/read_unmanaged.ts";

/** What a look at a database shows. */
export interface Inspection {
  readonly live: Snapshot;
  /** The schemas of all revisions, in order. */
  readonly schemas: readonly RevisionSchema[];
  /** The revision that the schema equals or is nearest to. */
  readonly match: Match;
  readonly labels: readonly Label[];
  /** Rows of harbor-db's own version table; `null` without one. */
  readonly applied: readonly Applied[] | null;
  /** In what the schema differs from head's. What head does not know is in `kept`. */
  readonly toHead: readonly Difference[];
  /** What head does not know and stays as it is, by path: `column files.note`, `view reports`. */
  readonly kept: readonly string[];
  /** Names of the history's tables under which something else, or a table of another schema, is found. */
  readonly elsewhere: readonly string[];
}

/** Looks at a database and compares it with every revision, believing no label. Reads only. */
export async function inspect(context: RunContext): Promise<Inspection> {
  const { database, history } = context;
  const applied = await readApplied(database);
  const alembic = await readAlembicVersions(database);
  const drizzle = await readDrizzleHashes(database);
  const live = await database.introspect();
  const schemas = history.revisions.map((each) => ({ revision: each.id, snapshot: snapshotOf(each) }));
  const match = matchRevision(schemas, live);
  const own = applied?.filter((row) => row.finishedAt !== null).map((row) => row.revision) ?? null;
  const head = headSchema(schemas, live);
  const ours = ownTables(schemas, live);
  const differences = compareSnapshots(head, ours);
  const bearsOut = (revision: string | null) => {
    const schema = schemas.find((each) => each.revision === revision)?.snapshot;
    if (schema === undefined) return ours.tables.length === 0;
    return compareSnapshots(schema, ours).every((each) => each.kind === "extra");
  };
  return {
    live,
    schemas,
    match,
    labels: readLabels({ revisions: history.revisions, bearsOut, alembic, drizzle, own }),
    applied,
    toHead: differences.filter((each) => each.kind !== "extra"),
    kept: keptOf(differences, live, schemas),
    elsewhere: await findOtherRelations(database, ownNames(history), live),
  };
}

/** Returns the schema of the last revision; without any, an empty one. */
export function headSchema(
  schemas: readonly RevisionSchema[],
  { dialect }: Pick<Snapshot, "dialect">,
): Snapshot {
  return schemas.at(-1)?.snapshot ?? { dialect, tables: [], others: [] };
}

/** Lists what a target does not know, by path. */
export function keptOf(
  differences: readonly Difference[],
  live: Snapshot,
  schemas: readonly RevisionSchema[],
): readonly string[] {
  const own = new Set(ownTables(schemas, live).tables.map((table) => table.name));
  return [
    ...live.tables.filter((table) => !own.has(table.name)).map((table) => `table ${table.name}`),
    ...differences.filter((each) => each.kind === "extra").map((each) => each.path),
    ...live.others.filter((other) => other.kind !== "sequence" || !numbers(other.name, live, schemas))
      .map(({ kind, name, table }) => `${kind} ${name}${table === null ? "" : ` on ${table}`}`),
  ];
}

/** Whether a sequence that belongs to no column gives one of ours its numbers, or has the name of one that would. */
function numbers(sequence: string, live: Snapshot, schemas: readonly RevisionSchema[]): boolean {
  return headSchema(schemas, live).tables.some(({ name, columns }) => {
    const own = live.tables.find((table) => table.name === name)?.columns ?? [];
    return columns.some((column) =>
      column.identity && (sequence === `${name}_${column.name}_seq` ||
        own.some((each) => each.name === column.name && each.default?.includes(`'${sequence}'`)))
    );
  });
}

/** Says of every label what it claims; or that there is none. */
export function describeLabels(labels: readonly Label[]): string {
  return labels.length === 0 ? "nothing says at which revision it is" : labels.map(describeLabel).join("; ");
}
