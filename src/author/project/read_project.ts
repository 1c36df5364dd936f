import { type Dialect, dialects } from "../../base/dialect.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readReleased } from "./baseline.ts";
import { HarborError } from "../../base/errors.ts";
import { readIfThere } from "../../base/files/read_if_there.ts";
import { headOf, type History, noHistoryYet } from "../../history/history.ts";
import { type KitEnds, type KitSnapshot, readKitSnapshot } from "../../schema/kit_snapshot.ts";
import { schemasOfHost, tablesOfHost, withoutHostPart } from "../../schema/host_part.ts";
import { sameSchema } from "../../schema/same_schema.ts";
import { withTypesInUse } from "../../schema/types_in_use.ts";
import { refuseBreakpoints } from "../rules/exports/breakpoints.ts";
import type { DrizzleEngine } from "./drizzle_engine.ts";
import { type LoadedSchema, loadSchema, type RunCode } from "./load_schema.ts";
import type { Casing } from "../../schema/twins/tables.ts";
import { orNull } from "./read_scripts.ts";
import { filterValues } from "../../base/records.ts";
import { findPlaces, readHistory } from "../../history/read_history.ts";

/** Where a developer's files are. */
export interface ProjectPaths {
  /** The `drizzle/` folder. */
  readonly dir: string;
  readonly schemaFile: string;
  /** The other files of the schema, where a `drizzle.config` names several. */
  readonly moreFiles?: readonly string[];
  /** What a `drizzle.config` says, for a schema.ts that does not. */
  readonly said?: { readonly dialect: Dialect | undefined; readonly casing: Casing | undefined };
  /** Runs the schema's own code. */
  readonly runCode?: RunCode;
}

/** What one dialect has: from what the last revision leaves behind to what schema.ts says, whose ids are made up. */
export interface ProjectPart extends KitEnds {
  readonly dialect: Dialect;
  readonly history: History;
  /** Where in the history's folder its files are, or will be: `sqlite/`, or nothing. */
  readonly place: string;
  readonly isChanged: boolean;
  /** Roles that scripts of the history made and schema.ts names no more; left out where nobody asked. */
  readonly leftRoles?: readonly string[];
}

/**
 * Reads schema.ts and the history of each dialect that it is for.
 *
 * @param read Histories of the folder that are read already
 * @throws {HarborError} `bad_schema`; `bad_history` when a history is broken or the dialects do not have the same
 * revisions
 */
export async function readProject(
  { dir, schemaFile, moreFiles = [], said, runCode }: ProjectPaths,
  engine: DrizzleEngine,
  read: readonly History[] = [],
): Promise<readonly ProjectPart[]> {
  const places = findPlaces(dir);
  const histories = new Map(
    [...places.keys()].map((dialect) => [
      dialect,
      read.find((each) => each.dialect === dialect) ?? readHistory(dir, dialect),
    ]),
  );
  for (const history of histories.values()) refuseFoldered(history, dir);
  const roles = [...histories.values()].flatMap((history) => Object.values(rolesMadeBy(history)));
  const schema = await loadSchema([schemaFile, ...moreFiles], { casing: said?.casing, roles, runCode });
  const wanted = said?.dialect !== undefined && schema.dialects === null && !hasOwnFolders(places)
    ? [said.dialect]
    : wantedDialects(schema, places);
  const parts: ProjectPart[] = [];
  for (const dialect of dialects) {
    const place = places.get(dialect);
    const folder = join(dir, place ?? dialect);
    const own = wanted.includes(dialect) ? schema.tablesFor(dialect) : null;
    if (own === null) {
      if (place !== undefined || wanted.includes(dialect)) throw noTables(schemaFile, dialect, folder);
      continue;
    }
    // Where a config says the dialect, the kit's own layout is what its other tools look for.
    const home = place ?? (said?.dialect === dialect && places.size === 0 ? "" : `${dialect}/`);
    const history = histories.get(dialect) ?? noHistoryYet(dialect, {
      folder: join(dir, home, "."),
      read: (path) => readIfThere(join(dir, home, path)),
    });
    refuseBranches(history, readReleased(dir, history));
    const made = rolesMadeBy(history);
    const roles = filterValues(made, (_, name) => schema.roles.includes(name));
    // SQLite has none.
    const withRoles = (end: KitSnapshot) => end.roles === undefined ? end : { ...end, roles };
    const last = withRoles(await lastSnapshot(history, engine));
    const to = withoutHost(withRoles(await engine.snapshot(dialect, own, schema.casing)), last, history);
    refuseBreakpoints(schemaFile, to);
    const from = withTypesInUse(last, to);
    const leftRoles = Object.keys(made).filter((name) => !schema.roles.includes(name));
    parts.push({ dialect, history, place: home, from, to, isChanged: !sameSchema(from, to), leftRoles });
  }
  refuseDifferentHistories(parts);
  return parts;
}

/**
 * Returns the roles that scripts of a history made. They stay what they are as long as schema.ts names them: no revision makes, changes
 * or drops one, since every database of the server may need it.
 */
function rolesMadeBy(history: History): NonNullable<KitSnapshot["roles"]> {
  const head = headOf(history);
  return (head === undefined ? null : orNull(() => readKitSnapshot(head.snapshot())))?.roles ?? {};
}

/**
 * Returns what schema.ts says, without what is the host's: in schemas that were the host's before, or in which `host.sql` makes something.
 *
 * @throws {HarborError} `bad_schema` for a table there of which neither says that the host makes it
 */
function withoutHost(
  whole: KitSnapshot,
  last: KitSnapshot,
  { host, hostSchemas }: History,
): KitSnapshot {
  if (host === undefined || hostSchemas === undefined) return whole;
  const known = new Set([
    ...hostSchemas.brought(),
    ...tablesOfHost(last),
    ...schemasOfHost(last),
  ]);
  const isKnown = (schema: string) =>
    [...known].some((name) => name === schema || name.startsWith(`${schema}.`));
  const rest = withoutHostPart(whole, (schema) => isKnown(schema) && hostSchemas.has(schema));
  const [strange] = tablesOfHost(rest).filter((name) => !known.has(name));
  if (strange === undefined) return rest;
  throw new HarborError("bad_schema", `Cannot keep "${strange}"`, {
    state: "no script makes its schema or anything in it, which is the host's",
    hint:
      `Where the host makes it, say so in ${host.file}: CREATE TABLE ${strange} (…); else put it in a schema of its own.`,
    details: { table: strange },
  });
}

/** Says whether a history is laid out by dialects: then it is for them, whatever a `drizzle.config` says. */
function hasOwnFolders(places: ReadonlyMap<Dialect, string>): boolean {
  return [...places.values()].some((place) => place !== "");
}

/**
 * Returns the dialects that a schema is for. Tables of PostgreSQL make SQLite's, too, unless schema.ts says that they do
 * not, or there is a history and it is of PostgreSQL alone.
 */
function wantedDialects(
  { dialects: said, declared }: LoadedSchema,
  places: ReadonlyMap<Dialect, string>,
): readonly Dialect[] {
  if (said !== null) return said;
  if (declared.includes("sqlite")) return declared;
  const isAlone = places.has("postgresql") && !places.has("sqlite");
  return isAlone ? declared : dialects;
}

/**
 * What drizzle-kit 1.0 writes is read; its snapshots, on which it builds, only that kit can write. The schema beside them
 * is not run: it is written in the words of another drizzle-orm.
 */
function refuseFoldered({ isFoldered }: History, dir: string): void {
  if (!isFoldered) return;
  throw new HarborError("bad_history", `Cannot compare schema.ts with "${dir}"`, {
    state:
      "it is laid out as drizzle-kit 1.0 does it, and the snapshots of that version are read, not written",
    hint: [
      "Write the revision with the kit of the project: npx drizzle-kit generate",
      "Then its way back, as down.sql beside migration.sql, and look at both: harbor-db check --prove",
    ],
    details: { dir, isReadOnly: true },
  });
}

/**
 * What the last revision says is only the whole schema when every revision was made on top of the one before it. Of those
 * that are released, the last one is taken at its word.
 */
function refuseBranches({ dialect, revisions }: History, released: number): void {
  const judged = revisions.slice(Math.max(released - 1, 0));
  // One that is missing breaks no chain; the last one is read below.
  const ends = judged.map((revision) => orNull(revision.ends));
  const at = ends.findIndex((end, index) => {
    const before = ends[index - 1];
    return end !== null && before != null && end.prevId !== before.id;
  });
  if (at < 0) return;
  const [parent, revision] = [judged[at - 1]!, judged[at]!];
  throw new HarborError(
    "bad_history",
    `Cannot build on revision "${revision.id}" (${revision.name}): on ${dialect} it was not made on top of ${parent.id} before it`,
    {
      hint: [`harbor-db rebase ${revision.id}`, "Where it is released: harbor-db check --baseline head"],
      details: { dialect, revision: revision.id },
    },
  );
}

/** Returns what the last revision leaves behind; an empty snapshot for an empty history. */
async function lastSnapshot(history: History, engine: DrizzleEngine): Promise<KitSnapshot> {
  const head = headOf(history);
  return head === undefined ? await engine.snapshot(history.dialect, {}) : readKitSnapshot(head.snapshot());
}

function noTables(schemaFile: string, dialect: Dialect, folder: string): HarborError {
  return new HarborError(
    "bad_schema",
    existsSync(folder)
      ? `Cannot use "${schemaFile}": it has no tables for ${dialect}, and "${folder}" has a history`
      : `Cannot use "${schemaFile}": it has no tables for ${dialect}, and names it in dialects`,
    {
      hint: `Export the tables for ${dialect} as well, or remove the ${
        existsSync(folder) ? "folder" : "word"
      }.`,
    },
  );
}

function refuseDifferentHistories(parts: readonly ProjectPart[]): void {
  const lists = parts.map(({ history }) => history.revisions.map((revision) => revision.id).join(" "));
  if (new Set(lists).size < 2) return;
  throw new HarborError(
    "bad_history",
    "Cannot read the history: the dialects do not have the same revisions",
    {
      hint: "harbor-db check",
      details: Object.fromEntries(
        parts.map(({ dialect, history }) => [dialect, history.revisions.map((revision) => revision.id)]),
      ),
    },
  );
}
