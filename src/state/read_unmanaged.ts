import { onceFor } from "../base/once_for.ts";
import { counted } from "../base/quantity.ts";
import type { Applied } from "../history/applied.ts";
import type { State } from "./state.ts";
import { compareSnapshots, describeDifference, type Difference } from "../schema/compare/snapshots.ts";
import { HarborError } from "../base/errors.ts";
import { hostTable } from "../sql/table_names.ts";
import type { History, Revision } from "../history/history.ts";
import { snapshotIfThere, snapshotOf } from "../history/revision_schema.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { heldAsLeft } from "./held_as_left.ts";
import { ownNames } from "./own_names.ts";
import { matchRevision, ownTables, type RevisionSchema, type Schemas } from "./rules/match_revision.ts";
import { readAppliedIn } from "../engines/version_table.ts";
import type { RunContext } from "../engines/run_context.ts";
import { findOtherRelations } from "./find_other_relations.ts";

/** Looks at a database without a version table and says what it is, as {@link readState} does. */
export async function readUnmanaged(context: RunContext, alembic: State["alembic"]): Promise<State> {
  const { database, history } = context;
  const live = await database.introspect();
  // Another harbor-db may have made tables and version table since the first look: they commit together.
  const meanwhile = live.tables.length === 0 ? null : await readAppliedIn(context);
  if (meanwhile !== null) return { kind: "managed", applied: meanwhile, alembic, refusal: null };
  const none = { applied: [], alembic };
  if (live.tables.length === 0 && (alembic ?? []).length === 0) {
    const elsewhere = await findOtherRelations(database, ownNames(history), live);
    if (elsewhere.length === 0) return { kind: "empty", ...none, refusal: null };
    // Made by another harbor-db since the first look, after all.
    const own = await readAppliedIn(context);
    if (own !== null) return { kind: "managed", applied: own, alembic, refusal: null };
    return { kind: "unmanaged", ...none, refusal: notHere(database.url, elsewhere) };
  }
  const claim = readClaim(history, { url: database.url, alembic, live });
  if (claim instanceof HarborError) return { kind: "unmanaged", ...none, refusal: claim };
  return { kind: "alembic", applied: startingRows(context, claim), alembic, refusal: null };
}

/** Looks at a database that is managed at base, where nobody but the application itself can have made its tables. */
export async function readAtBase(context: RunContext, alembic: State["alembic"]): Promise<State> {
  const { database, history } = context;
  const live = await database.introspect();
  // Another harbor-db may have begun since the first look.
  const applied = await readAppliedIn(context) ?? [];
  const isEmpty = applied.length > 0 || live.tables.length === 0;
  const tables = isEmpty ? [] : ownTables(latestSchemas(history), live).tables.map(({ name }) => name);
  const refusal = tables.length === 0 ? null : new HarborError(
    "unmanaged",
    `Cannot work on "${database.url}": it is managed at base, and the application has made its tables ${
      tables.join(", ")
    }${describeMatch(history, live)}`,
    { hint: "harbor-db upgrade --adopt", details: { tables } },
  );
  return { kind: "managed", applied, alembic, refusal };
}

/**
 * Compares a live schema with what a revision leaves behind. Tables that no revision knows are another program's and
 * are passed over.
 *
 * @param revision `null` for base
 */
export function differencesFrom(
  schemas: Schemas,
  revision: Revision | null,
  live: Snapshot,
): readonly Difference[] {
  const expected = revision === null ? { ...live, tables: [], others: [] } : snapshotOf(revision);
  return compareSnapshots(expected, ownTables(schemas, live));
}

/** Returns the schemas of all revisions that have a snapshot, in order. */
export function schemasOf({ revisions }: Pick<History, "revisions">): readonly RevisionSchema[] {
  return allSchemas(revisions);
}

/** Revisions of a history do not change while it is known. */
const allSchemas = onceFor((revisions: History["revisions"]): readonly RevisionSchema[] =>
  revisions.flatMap((each) => {
    const snapshot = snapshotIfThere(each);
    return snapshot === null ? [] : [{ revision: each.id, snapshot }];
  })
);

/**
 * Returns the same for who looks for names: the latest first, and each read when it is its turn. Snapshots of a long history
 * take their time to read, and what is there stands in the latest as a rule.
 */
export function latestSchemas({ revisions }: Pick<History, "revisions">): Schemas {
  return backwards(revisions);
}

const backwards = onceFor((revisions: History["revisions"]): Schemas => ({
  [Symbol.iterator]() {
    let left = revisions.length;
    return {
      next() {
        for (; left > 0; left--) {
          const snapshot = snapshotIfThere(revisions[left - 1]!);
          if (snapshot === null) continue;
          left--;
          return { value: { snapshot } };
        }
        return { done: true, value: undefined };
      },
    };
  },
}));

/** For a database that is another program's. */
export const shareRemedy =
  "Check the address. If both are to share it: harbor-db stamp base && harbor-db upgrade";

interface UnmanagedFacts {
  readonly url: string;
  readonly alembic: readonly string[] | null;
  readonly live: Snapshot;
}

/** Returns the revision that Alembic's version table names, when it is true; else why not. */
function readClaim(history: History, { url, alembic, live }: UnmanagedFacts): Revision | HarborError {
  const tables = live.tables.map((table) => table.name);
  const own = ownTables(latestSchemas(history), live).tables.map(({ name }) => name);
  const isStrange = (alembic ?? []).length === 0 && own.length === 0;
  const refuse = (state: string, details: Record<string, unknown> = {}) =>
    new HarborError("unmanaged", `Cannot take over "${url}": ${state}`, {
      hint: isStrange ? shareRemedy : [...hostRemedy(own, history), "harbor-db adopt"],
      details: { tables, alembic, ...details },
    });
  const [claimed, second] = alembic ?? [];
  if (claimed === undefined) {
    const label = alembic === null ? "no version table" : "an empty alembic_version table";
    return refuse(`it has the tables ${tables.join(", ")} and ${label}${describeMatch(history, live)}`);
  }
  if (second !== undefined) {
    return refuse(
      `alembic_version has ${counted(alembic!.length, "row")} (${alembic!.join(", ")}) instead of one`,
    );
  }
  const revision = history.revisions.find((each) => each.id === claimed);
  if (revision === undefined) {
    return refuse(`alembic_version says "${claimed}", which this history does not have`);
  }
  const done = history.revisions.slice(0, history.revisions.indexOf(revision) + 1);
  const differences = differencesFrom(latestSchemas(history), revision, heldAsLeft(live, done));
  if (differences.length === 0) return revision;
  const [first] = differences;
  const more = differences.length > 1 ? `, and ${counted(differences.length - 1, "more difference")}` : "";
  return refuse(
    `alembic_version says ${claimed}, but the schema is not that revision's: ${
      describeDifference(first!)
    }${more}`,
    {
      claimed,
      differences,
    },
  );
}

/** For a database that has no tables but some in schemas of their own, which a hosting service may have made. */
function hostRemedy(own: readonly string[], { host }: History): readonly string[] {
  return host === undefined || own.length === 0 || own.some((name) => hostTable(name) === null) ? [] : [
    `Where the host made ${
      own.join(", ")
    }, and no revision is to: say in ${host.file} that it does, by CREATE SCHEMA and CREATE TABLE with the columns that you refer to`,
  ];
}

/** Says what the schema looks like, behind what the label says. */
function describeMatch(history: History, live: Snapshot): string {
  const schemas = schemasOf(history);
  if (ownTables(schemas, live).tables.length === 0) return ", and none of them is the application's";
  const { revision, exact, differences } = matchRevision(schemas, live);
  return exact
    ? `; its schema is exactly that of ${revision}`
    : `; its schema is no revision's, and nearest to ${revision}, with ${
      counted(differences.length, "difference")
    }`;
}

function notHere(url: string, names: readonly string[]): HarborError {
  return new HarborError(
    "unmanaged",
    `Cannot take over "${url}": ${names.join(", ")} can be seen, and ${
      names.length === 1 ? "is no table" : "are no tables"
    } of the schema in which new ones would be made`,
    { hint: "harbor-db adopt", details: { tables: names } },
  );
}

function startingRows({ history, version, now }: RunContext, last: Revision): readonly Applied[] {
  const startedAt = now().toISOString();
  return history.revisions.slice(0, history.revisions.indexOf(last) + 1).map((revision) =>
    recordOf(revision, { startedAt, appliedBy: version, origin: "alembic" })
  );
}

/** Returns the row of a revision that was applied without running its script. */
export function recordOf(
  revision: Revision,
  by: Pick<Applied, "startedAt" | "appliedBy" | "origin">,
): Applied {
  const { id, name, checksum } = revision;
  const finishedAt = by.startedAt;
  return {
    revision: id,
    name,
    checksum,
    direction: "upgrade",
    statementsDone: 0,
    finishedAt,
    ms: null,
    ...by,
  };
}
