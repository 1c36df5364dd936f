import { HarborError } from "../base/errors.ts";
import { openScratch } from "../engines/open/scratch.ts";
import { readDrift } from "../engines/taken_over.ts";
import type { Scratch } from "../engines/scratch.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { Revision } from "../history/history.ts";
import { snapshotOf } from "../history/revision_schema.ts";
import { heldAsLeft } from "../state/held_as_left.ts";
import { isInvalid } from "../migrate/left_by_scripts.ts";
import { compareSnapshots, describeDifference, type Difference } from "../schema/compare/snapshots.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import type { Inspection } from "./inspect.ts";

/** What harbor-db's record or drizzle's settles. */
export interface OnRecord {
  readonly revision: string;
  /** In what the scripts leave another schema than the revision's snapshot says, as sentences. */
  readonly drift: readonly string[];
  /** Whether the scripts leave all of what differs, and so this very schema. */
  readonly isExact: boolean;
}

/**
 * Returns the revision that harbor-db's own tables say, where they have on record all in which its schema is another than its
 * snapshot says, so that nothing was lost since; else what drizzle's own record settles.
 */
export async function readOnRecord(context: RunContext, inspection: Inspection): Promise<OnRecord | null> {
  return await readOwn(context, inspection) ?? await readDrizzles(context, inspection);
}

async function readOwn({ database, history }: RunContext, inspection: Inspection): Promise<OnRecord | null> {
  const { labels, schemas, live } = inspection;
  const label = labels.find(({ by, isTrue }) => by === "harbor-db" && !isTrue);
  const revision = history.revisions.find(({ id }) => id === label?.revision);
  if (revision === undefined) return null;
  const at = history.revisions.indexOf(revision);
  const ours = ownTables(schemas, heldAsLeft(live, history.revisions.slice(0, at + 1)));
  const sentences = compareSnapshots(snapshotOf(revision), ours).map(describeDifference);
  const known = await readDrift(database);
  const drift = sentences.filter((each) => known.has(each));
  // What some other revision knows is that one's.
  const theirs = schemas.map(({ snapshot }) =>
    new Set(compareSnapshots(snapshot, ours).filter(({ kind }) => kind === "extra").map(describeDifference))
  );
  const isRight = (each: string) => known.has(each) || theirs.every((extras) => extras.has(each));
  return sentences.every(isRight)
    ? { revision: revision.id, drift, isExact: drift.length === sentences.length }
    : null;
}

/**
 * Returns the revision up to which drizzle's own migrator ran the very scripts that are here, none left out and none
 * edited since; `null` when it did not, or when the schema is not what they leave: what was lost since is damage. Where
 * they leave another schema than their snapshots say, so does an upgrade.
 */
async function readDrizzles(context: RunContext, inspection: Inspection): Promise<OnRecord | null> {
  const { revisions } = context.history;
  const label = inspection.labels.find(({ by, edited }) => by === "drizzle" && edited.length === 0);
  const last = revisions.findIndex(({ id }) => id === label?.revision);
  const revision = revisions[last];
  if (revision === undefined) return null;
  const done = revisions.slice(0, last + 1);
  const differences = compareSnapshots(
    snapshotOf(revision),
    ownTables(inspection.schemas, heldAsLeft(inspection.live, done)),
  );
  if (differences.length === 0) return { revision: revision.id, drift: [], isExact: true };
  const judge = (isLeft: IsLeft): OnRecord | null => {
    const drift = differences.filter(isLeft);
    // What is there beside it was made by somebody, and is theirs.
    const isWhole = differences.every((each) => each.kind === "extra" || drift.includes(each));
    const isExact = drift.length === differences.length;
    return isWhole ? { revision: revision.id, drift: drift.map(describeDifference), isExact } : null;
  };
  const given = { context, revisions: done, inspection };
  const memory = await openScratch(context.database.dialect, null, { client: nobody });
  const tried = memory === null ? null : await leftOn(memory, given);
  if (tried !== null) return judge(tried);
  const read = judge(readIn(given.revisions));
  if (read !== null || memory !== null) return read;
  // A scratch database is on the same server: what is outside of databases would be changed for all.
  if (given.revisions.some((each) => each.upgrade().statements.some(({ sql }) => reachesOut.test(sql)))) {
    return null;
  }
  // Before something is called damaged, the scripts are asked.
  const aside = await context.openScratch?.() ?? null;
  if (aside !== null) {
    context.notify({
      kind: "note",
      text:
        `the scripts up to ${revision.id}, which drizzle's record says ran here, are run in a scratch database on the server`,
    });
  }
  const left = aside === null ? null : await leftOn(aside, given);
  return left === null ? null : judge(left);
}

/** What a script says that may change more than its database: roles, settings of the server, files, other servers. */
const reachesOut =
  /\b(?:CREATE|ALTER|DROP|ON)\s+(?:ROLE|USER|GROUP|DATABASE|TABLESPACE|SYSTEM|SUBSCRIPTION)\b|\b(?:DROP|REASSIGN)\s+OWNED\b|\b(?:GRANT|REVOKE)\b(?![^;]*\bON\b)|\bFOREIGN\s+(?:TABLE|SCHEMA)\b|\bCOPY\b|\bPROGRAM\b|\bdblink|\blo_export\b|\bpg_(?:reload_conf|terminate_backend|cancel_backend|file_\w+)\b|\bEXECUTE\s+(?!FUNCTION\b|PROCEDURE\b)/i;

/** Says of a difference from a snapshot whether the scripts leave it. */
type IsLeft = (difference: Difference) => boolean;

/** Runs the scripts on an empty database; `null` where they do not run there. */
async function leftOn(
  scratch: Scratch,
  { context, revisions, inspection: { schemas } }: {
    readonly context: RunContext;
    readonly revisions: readonly Revision[];
    readonly inspection: Pick<Inspection, "schemas">;
  },
): Promise<IsLeft | null> {
  const last = revisions.at(-1)!;
  try {
    const left = await scratch(async (database) => {
      const { migrate } = await import("../migrate/migrate.ts");
      await migrate(
        { ...context, database, notify: () => {} },
        { goal: { direction: "upgrade", text: last.id }, lockWaitMs: 0 },
      );
      return compareSnapshots(
        snapshotOf(last),
        ownTables(schemas, heldAsLeft(await database.introspect(), revisions)),
      );
    });
    const sentences = new Set(left.map(describeDifference));
    return (each) => sentences.has(describeDifference(each));
  } catch (error) {
    // They may need what only that database has: a function of the application's, rows.
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    return null;
  }
}

/** Reads in the scripts what they may have made. */
function readIn(revisions: readonly Revision[]): IsLeft {
  const statements = revisions.flatMap((each) => each.upgrade().statements.map(({ sql }) => sql));
  return (each) => !isInvalid(each) && !(each.kind === "missing" && isNamed(each, statements));
}

/** Nobody waits for a database in memory. */
const nobody = { name: "harbor-db", host: "", pid: 0, processSpace: null, isAlive: () => false };

/** Whether a statement may make what is missing: it names all that the path does, and what makes a key. */
function isNamed({ path }: Difference, statements: readonly string[]): boolean {
  const [, kind = "", name = ""] = /^(primary key|foreign key|\w+) (.+)$/.exec(path) ?? [];
  const names = [...wordsOf(name.replace(/ (?:of|on) (?=\S+$)/, " ")), ...keyWords.get(kind) ?? []];
  return statements.some((sql) => {
    const words = new Set(wordsOf(sql));
    return names.every((each) => words.has(each));
  });
}

const keyWords: ReadonlyMap<string, readonly string[]> = new Map([
  ["primary key", ["primary"]],
  ["foreign key", ["references"]],
  ["unique", ["unique"]],
]);

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_$]+/gu) ?? [];
}
