import { foldName } from "../../base/fold_name.ts";
import { counted } from "../../base/quantity.ts";
import type { State } from "../../state/state.ts";
import { type Found, pass } from "../../base/finding.ts";
import { describeDifference, type Difference } from "../../schema/compare/snapshots.ts";
import { HarborError } from "../../base/errors.ts";
import type { History, Revision } from "../../history/history.ts";
import { readDrift } from "../../engines/taken_over.ts";
import type { OtherObject, Snapshot } from "../../schema/snapshot.ts";
import type { UnsaidPart } from "../../engines/inspector.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import { headSchema, keptOf } from "../../adopt/inspect.ts";
import { isMigratorsTable } from "../../adopt/rules/drizzle_rows.ts";
import { differencesFrom } from "../../state/read_unmanaged.ts";
import { heldAsLeft } from "../../state/held_as_left.ts";
import { snapshotIfThere, tablesLeftToHost } from "../../history/revision_schema.ts";
import { upgradeTexts } from "../../history/plain_texts.ts";
import { requireSchemas } from "../../state/require_schemas.ts";
import { matchRevision, ownTables, type RevisionSchema } from "../../state/rules/match_revision.ts";
import { isMadeBy, leftByScripts, type MadeObject } from "../rules/made_by_script.ts";
import { type Check } from "./check.ts";
import { unreadOf } from "./read_schemas.ts";
import { whereIn } from "../rules/where_in.ts";
import { oddSettings, silentHarms } from "./table_settings.ts";

/** The live schema against what the current revision leaves behind. */
export const schemaCheck: Check = {
  name: "schema",
  summary:
    "the live schema is the current revision's: tables, columns, types, NULL, defaults, keys, indexes, checks; and what else is there",
  cost: "a few milliseconds; reads the catalog only",
  async *run(context) {
    const history = await context.history();
    const state = await context.state();
    const current = currentRevision(history, state);
    if (current !== null) requireSchemas(await context.database(), current);
    const live = await context.schema();
    const known = await context.schemas();
    const { schemas } = known;
    const isAdopted = state.applied.some(({ origin }) => origin === "adopt" || origin === "bridge");
    // A stamp runs nothing.
    const isTakenOver = isAdopted || state.applied.some(({ origin }) => origin === "stamp");
    const applied = new Set(state.applied.map((row) => row.revision));
    const done = history.revisions.filter(({ id }) => applied.has(id));
    const all = current === null ? [] : differencesFrom(schemas, current, heldAsLeft(live, done));
    const takenOver = all.length === 0 ? new Set() : await readDrift(await context.database());
    const differences = all.filter((each) => !takenOver.has(describeDifference(each)));
    const fromScripts = all.length - differences.length;
    const match = matchRevision(schemas, live);
    if (current !== null && differences.length > 0 && match.exact && match.revision !== null) {
      return yield isAnother(match.revision, current.id);
    }
    const scripts = upgradeTexts(done, live);
    const made = leftByScripts(scripts, live.dialect);
    const inspector = await loadInspector(live.dialect);
    const names = new Set([...live.tables, ...live.others].map(({ name }) => name));
    const unsaid = (await inspector.unsaid(await context.database())).filter(({ table }) => names.has(table));
    // They are the database's, and in no schema.
    const hasEventTriggers = made.some(({ kind }) => kind === "event trigger");
    const there = {
      ...live,
      eventTriggers: hasEventTriggers ? await inspector.eventTriggers(await context.database()) : [],
    };
    const ours = new Set(ownTables(schemas, live).tables.map(({ name }) => name));
    const settings = await oddSettings(await context.database(), {
      tables: ownTables(schemas, live).tables,
      statements: scripts,
      guarded: current === null ? [] : tablesWithPolicies(snapshotIfThere(current)),
    });
    const found = [
      ...unreadOf(known, current),
      ...current === null
        ? tooEarly(ownTables(schemas, live))
        : differences.map((each) => drift(each, { isAdopted, history })),
      ...made.filter((each) => !isThere(each, there) && !isTold(each, differences)).map((each) =>
        lost(each, isTakenOver)
      ),
      ...strangers(schemas, live, upgradeTexts(history.revisions, live)),
      ...[
        ...settings,
        ...silentHarms(
          unsaid.filter(({ table, harm }) => ours.has(table) || harm?.of?.kind === "materialized view"),
          { statements: scripts, dialect: live.dialect },
        ),
      ].map((each) => ({ ...each, status: isTakenOver ? "warn" as const : each.status })),
    ];
    if (found.length > 0) return yield* found;
    const { length } = live.tables;
    yield pass(
      current === null
        ? "no revision is applied and there is no table"
        : `${counted(length, "table")} ${
          fromScripts === 0 ? "exactly " : ""
        }as revision ${current.id} leaves ${length === 1 ? "it" : "them"}${
          made.length === 0 ? "" : `; what else its scripts make is there: ${made.length}`
        }${besides(unsaid)}${
          fromScripts === 0
            ? ""
            : `, but for ${counted(fromScripts, "difference")} from its snapshot that its scripts leave`
        }${leftToHost(current)}`,
    );
  },
};

/** Names the tables that the project exports and that are the host's. */
function leftToHost(current: Revision): string {
  const tables = tablesLeftToHost(current);
  return tables.length === 0
    ? ""
    : `; not looked at, and in no backup, since the host makes it: ${tables.join(", ")}`;
}

/** @throws {HarborError} `check_failed` when it should have the schema of no revision that is known */
function currentRevision(history: History, state: State): Revision | null {
  const { current, unknown } = whereIn(history, state);
  if (unknown === null) return current;
  throw new HarborError("check_failed", `Cannot check "schema": ${unknown}`, {
    hint: "See what the check history says.",
  });
}

/** One finding instead of every difference: the version table is wrong, as after a stamp, and the schema is whole. */
function isAnother(revision: string, said: string): Found {
  return {
    status: "fail",
    message: `this is exactly ${revision}, and the version table says ${said}`,
    hint: `harbor-db stamp ${revision}`,
    details: { revision, said },
  };
}

function drift(
  difference: Difference,
  { isAdopted, history }: { readonly isAdopted: boolean; readonly history: History },
): Found {
  // What an adopted database had of its own was kept on purpose.
  const isKept = isAdopted && difference.kind === "extra";
  return {
    status: isKept ? "warn" : "fail",
    message: describeDifference(difference),
    hint: isKept
      ? `If it was there before harbor-db, it was kept; put it into schema.ts or drop it: ${
        generating(history)
      }`
      : remedy(difference, generating(history)),
    details: { ...difference },
  };
}

/** What no snapshot says, and so nobody compared. */
function besides(unsaid: readonly UnsaidPart[]): string {
  if (unsaid.length === 0) return "";
  const said = unsaid.map(({ table, words }) => `${words} of ${table}`);
  const more = said.length > 10 ? `, and ${said.length - 10} more` : "";
  return `; not compared: ${said.slice(0, 10).join(", ")}${more}`;
}

function isThere(
  { kind, name, table }: MadeObject,
  live: Snapshot & { readonly eventTriggers: readonly string[] },
): boolean {
  const isSame = (one: string) => foldName(one) === foldName(name);
  if (kind === "event trigger") return live.eventTriggers.some(isSame);
  // Without its table a trigger went with it, which is a difference of its own.
  if (table !== null && !live.tables.some((each) => foldName(each.name) === foldName(table))) {
    return true;
  }
  return live.others.some((other) => other.kind === kind && isSame(other.name));
}

/** What schema.ts declares is a difference when it is missing. */
function isTold({ kind, name }: MadeObject, differences: readonly Difference[]): boolean {
  return differences.some(({ path }) => `${path} `.startsWith(`${kind} ${name} `));
}

function lost({ kind, name }: MadeObject, isTakenOver: boolean): Found {
  return {
    // A bridge makes tables, and what was there before harbor-db had perhaps never run the script.
    status: isTakenOver ? "warn" : "fail",
    message: `${kind} ${name} is missing, which a revision's script makes`,
    hint: "Run its CREATE statement again; or write a revision that drops it: harbor-db create",
    details: { kind: "missing", path: `${kind} ${name}` },
  };
}

/** Returns the command that writes a revision; of drizzle-kit 1.0's histories only that kit does. */
function generating({ isFoldered = false }: History): string {
  return isFoldered ? "npx drizzle-kit generate" : "harbor-db generate 'What changed'";
}

function remedy({ kind, path, expected }: Difference, generate: string): string {
  const index = /^index (.+)$/.exec(path)?.[1];
  const [, unique = "", on = ""] = /^(UNIQUE )?(.+)$/.exec(expected ?? "") ?? [];
  if (kind === "missing" && index !== undefined) return `CREATE ${unique}INDEX ${index} ON ${on}`;
  return `If it was changed by hand, change it back; if it is meant, put it into schema.ts: ${generate}`;
}

/** Returns the tables to which a schema gives policies; none of one that is not known. */
function tablesWithPolicies(schema: Snapshot | null): readonly string[] {
  return (schema?.others ?? []).flatMap(({ kind, table }) =>
    kind === "policy" && table !== null ? [table] : []
  );
}

/** Before the first revision there is no table of ours. */
function tooEarly({ tables }: Snapshot): readonly Found[] {
  if (tables.length === 0) return [];
  const names = tables.map(({ name }) => name);
  return [{
    status: "fail",
    message: `no revision is applied, and the tables ${names.join(", ")} are there`,
    hint: "harbor-db upgrade --adopt",
    details: { tables: names },
  }];
}

/**
 * Names what no revision makes, another program's tables, views, triggers and the like; and the tables that scripts make and no snapshot
 * has, as where somebody wrote a revision by hand.
 */
function strangers(
  schemas: readonly RevisionSchema[],
  live: Snapshot,
  scripts: readonly string[],
): readonly Found[] {
  const own = ownTables(schemas, live);
  const isMade = (object: Pick<OtherObject, "name"> & { readonly kind: OtherObject["kind"] | "table" }) =>
    isMadeBy(object, scripts, live.dialect);
  const others = own.others.filter((other) => other.isDeclared !== true && !isMade(other));
  const unsaid = live.tables.filter(({ name }) =>
    own.tables.every((each) => each.name !== name) && isMade({ kind: "table", name })
  );
  const tables = live.tables.filter((table) => !isMigratorsTable(table) && !unsaid.includes(table));
  const objects = keptOf([], { ...live, tables, others }, { schemas, target: headSchema(schemas, live) });
  const warn = (what: string, objects: readonly string[], hint: string): readonly Found[] =>
    objects.length === 0
      ? []
      : [{ status: "warn", message: `${what}: ${objects.join(", ")}`, hint, details: { objects } }];
  return [
    ...warn(
      "objects that no revision makes",
      objects,
      "They are left alone. Give another program's tables a database of their own; what is meant belongs into a revision.",
    ),
    ...warn(
      "not compared, since scripts make them and no snapshot has them",
      unsaid.map(({ name }) => `table ${name}`),
      "harbor-db generate 'What changed' --write-unproven writes a snapshot of what schema.ts says. Take out of its scripts what is there, and: harbor-db check --prove --accept-edits",
    ),
  ];
}
