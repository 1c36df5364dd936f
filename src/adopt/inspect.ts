import type { Applied } from "../history/applied.ts";
import { readDrizzleRows } from "./rules/drizzle_rows.ts";
import type { BridgeStatement } from "./rules/bridge_statement.ts";
import { withOwnNames } from "./rules/own_names.ts";
import { withoutLeftovers } from "./rules/leftovers.ts";
import { describeLabel, type Label, readLabels } from "./rules/labels.ts";
import { compareSnapshots, describeDifference, type Difference } from "../schema/compare/snapshots.ts";
import { type Match, matchRevision, ownTables, type RevisionSchema } from "../state/rules/match_revision.ts";
import { readAlembic } from "../state/read_alembic.ts";
import { disagreement } from "../state/rules/disagreement.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { isUsualName, readDrizzleTables } from "../engines/drizzle_table.ts";
import { readAppliedIn } from "../engines/version_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { findOtherRelations } from "../state/find_other_relations.ts";
import { heldAsLeft } from "../state/held_as_left.ts";
import { ownNames } from "../state/own_names.ts";
import { schemasOf } from "../state/read_unmanaged.ts";

/** What a look at a database shows. */
export interface Inspection {
  /** Without what an interrupted bridge left, and with columns called as head calls them. */
  readonly live: Snapshot;
  /** Takes the one away, and gives the others their names. */
  readonly tidying: readonly BridgeStatement[];
  /** The schemas of all revisions, in order. */
  readonly schemas: readonly RevisionSchema[];
  /** The revision that the schema equals or is nearest to. */
  readonly match: Match;
  readonly labels: readonly Label[];
  /** Rows of harbor-db's own version table; `null` without one. */
  readonly applied: readonly Applied[] | null;
  /** In what Alembic's version table contradicts harbor-db's; `null` when it does not. */
  readonly disagreement: string | null;
  /** In what the schema differs from head's. What head does not know is in `kept`. */
  readonly toHead: readonly Difference[];
  /** What head, or the revision at which the database will be, does not know and stays: `column files.note`, `view reports`. */
  readonly kept: readonly string[];
  /** Names of the history's tables under which something else, or a table of another schema, is found. */
  readonly elsewhere: readonly string[];
}

/** Looks at a database and compares it with every revision, believing no label. Reads only. */
export async function inspect(context: RunContext): Promise<Inspection> {
  const { database, history } = context;
  const applied = await readAppliedIn(context);
  const alembic = await readAlembic(context);
  // One of another name is another program's, or no such table at all, unless it knows a script of ours.
  const drizzle = (await readDrizzleTables(database)).filter((table) =>
    isUsualName(table) || readDrizzleRows(table.rows, history.revisions).ran.length > 0
  );
  const schemas = schemasOf(history);
  const found = await database.introspect();
  const head = headSchema(schemas, found);
  const tidied = withoutLeftovers(found, head);
  const { live, statements: renames } = withOwnNames(tidied.live, { schemas, head });
  const own = applied?.filter((row) => row.finishedAt !== null).map((row) => row.revision) ?? null;
  const ours = ownTables(schemas, live);
  const differences = compareSnapshots(head, ours);
  const extras = schemas.map(({ snapshot }) => extrasOf(compareSnapshots(snapshot, ours)));
  const bearsOut = (revision: string | null) => {
    const schema = schemas.find((each) => each.revision === revision)?.snapshot;
    if (schema === undefined) return ours.tables.length === 0;
    const done = history.revisions.slice(0, history.revisions.findIndex(({ id }) => id === revision) + 1);
    // What some other revision knows is that one's.
    const found = compareSnapshots(schema, heldAsLeft(ours, done));
    return found.every((each) => each.kind === "extra" && extras.every((paths) => paths.includes(each.path)));
  };
  const labels = readLabels({ revisions: history.revisions, bearsOut, alembic, drizzle, own });
  return {
    live,
    tidying: [...tidied.statements, ...renames],
    schemas,
    match: settledBy(labels, matchRevision(schemas, live), { ours, schemas }),
    labels,
    applied,
    disagreement: applied === null ? null : disagreement(history, applied, alembic),
    toHead: differences.filter((each) => each.kind !== "extra"),
    kept: withoutDrizzles(keptOf(differences, live, { schemas, target: head }), labels),
    elsewhere: await findOtherRelations(database, ownNames(history), live),
  };
}

/** Lists what a revision does not know, by path; what `left` holds of it, its scripts made. */
export function keptBeside(
  { live, schemas, labels }: Inspection,
  revision: string | null,
  left: readonly string[] = [],
): readonly string[] {
  const target = schemas.find((each) => each.revision === revision)?.snapshot ?? headSchema([], live);
  const differences = compareSnapshots(target, ownTables(schemas, live))
    .filter((each) => !left.includes(describeDifference(each)));
  return withoutDrizzles(keptOf(differences, live, { schemas, target }), labels);
}

function withoutDrizzles(paths: readonly string[], labels: readonly Label[]): readonly string[] {
  return paths.filter((path) =>
    !labels.some(({ by, table }) => by === "drizzle" && path === `table ${table}`)
  );
}

/** Of several revisions with that very schema, as after one that changes rows alone, a true label says which it is. */
function settledBy(labels: readonly Label[], match: Match, { ours, schemas }: SettleSources): Match {
  const label = labels.find(({ isTrue, revision }) =>
    isTrue &&
    schemas.some((each) => each.revision === revision && compareSnapshots(each.snapshot, ours).length === 0)
  );
  return match.exact && label?.revision != null ? { ...match, revision: label.revision } : match;
}

interface SettleSources {
  readonly ours: Snapshot;
  readonly schemas: readonly RevisionSchema[];
}

function extrasOf(differences: readonly Difference[]): readonly string[] {
  return differences.filter(({ kind }) => kind === "extra").map(({ path }) => path);
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
  { schemas, target }: KeptSources,
): readonly string[] {
  const ours = ownTables(schemas, live);
  const own = new Set(ours.tables.map((table) => table.name));
  const ofTarget = new Set(
    target.tables.flatMap(({ columns }) =>
      columns.filter(({ values }) => values !== undefined).map(({ type }) => `type ${plainType(type)}`)
    ),
  );
  return [
    ...live.tables.filter((table) => !own.has(table.name)).map((table) => `table ${table.name}`),
    ...differences.filter((each) => each.kind === "extra").map((each) => each.path),
    // What a revision declares is the target's, or among the differences.
    ...ours.others.filter((other) =>
      other.isDeclared !== true && !ofTarget.has(`${other.kind} ${other.name}`)
    )
      .filter((other) => other.kind !== "sequence" || !numbers(other.name, live, target))
      .map(({ kind, name, table }) => `${kind} ${name}${table === null ? "" : ` on ${table}`}`),
  ];
}

interface KeptSources {
  readonly schemas: readonly RevisionSchema[];
  readonly target: Snapshot;
}

/** Returns the name of a type as PostgreSQL spells it in a column, of an array that of its values. */
function plainType(type: string): string {
  return type.replace(/(?:\[\])+$/, "").replaceAll('"', "");
}

/** Whether a sequence that belongs to no column gives one of ours its numbers, or has the name of one that would. */
function numbers(sequence: string, live: Snapshot, target: Snapshot): boolean {
  return target.tables.some(({ name, columns }) => {
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
