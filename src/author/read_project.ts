import { type Dialect, dialects } from "../base/dialect.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readReleased } from "./baseline.ts";
import { HarborError } from "../base/errors.ts";
import { headOf, type History } from "../history/history.ts";
import { type KitEnds, type KitSnapshot, readKitSnapshot, sameSchema } from "../schema/kit_snapshot.ts";
import type { DrizzleEngine } from "./drizzle_engine.ts";
import { type LoadedSchema, loadSchema } from "./load_schema.ts";
import { readHistory } from "../history/read_history.ts";

/** Where a developer's files are. */
export interface ProjectPaths {
  /** The `drizzle/` folder. */
  readonly dir: string;
  readonly schemaFile: string;
}

/** What one dialect has: from what the last revision leaves behind to what schema.ts says, whose ids are made up. */
export interface ProjectPart extends KitEnds {
  readonly dialect: Dialect;
  readonly history: History;
  readonly isChanged: boolean;
}

/**
 * Reads schema.ts and the history of each dialect that it is for.
 *
 * @throws {HarborError} `bad_schema`; `bad_history` when a history is broken or the dialects do not have the same
 * revisions
 */
export async function readProject(
  { dir, schemaFile }: ProjectPaths,
  engine: DrizzleEngine,
): Promise<readonly ProjectPart[]> {
  const schema = await loadSchema(schemaFile);
  const wanted = wantedDialects(schema, dir);
  const parts: ProjectPart[] = [];
  for (const dialect of dialects) {
    const folder = join(dir, dialect);
    const own = wanted.includes(dialect) ? schema.tablesFor(dialect) : null;
    if (own === null) {
      if (existsSync(folder) || wanted.includes(dialect)) throw noTables(schemaFile, dialect, folder);
      continue;
    }
    const history = existsSync(folder) ? readHistory(dir, dialect) : { dialect, revisions: [] };
    refuseBranches(history, readReleased(dir, history));
    const to = await engine.snapshot(dialect, own, schema.casing);
    const from = await lastSnapshot(history, engine);
    parts.push({ dialect, history, from, to, isChanged: !sameSchema(from, to) });
  }
  refuseDifferentHistories(parts);
  return parts;
}

/**
 * Returns the dialects that a schema is for. Tables of PostgreSQL make SQLite's, too, unless schema.ts says that they do
 * not, or there is a history and it is of PostgreSQL alone.
 */
function wantedDialects({ dialects: said, declared }: LoadedSchema, dir: string): readonly Dialect[] {
  if (said !== null) return said;
  if (declared.includes("sqlite")) return declared;
  const isAlone = existsSync(join(dir, "postgresql")) && !existsSync(join(dir, "sqlite"));
  return isAlone ? declared : dialects;
}

/**
 * What the last revision says is only the whole schema when every revision was made on top of the one before it. Of those
 * that are released, the last one is taken at its word.
 */
function refuseBranches({ dialect, revisions }: History, released: number): void {
  const judged = revisions.slice(Math.max(released - 1, 0));
  const ends = judged.map((revision) => readKitSnapshot(revision.snapshot()));
  const at = ends.findIndex(({ prevId }, index) => index > 0 && prevId !== ends[index - 1]!.id);
  if (at < 0) return;
  const [parent, revision] = [judged[at - 1]!, judged[at]!];
  throw new HarborError(
    "bad_history",
    `Cannot build on revision "${revision.id}" (${revision.name}): on ${dialect} it was not made on top of ${parent.id} before it`,
    { hint: `harbor-db rebase ${revision.id}`, details: { dialect, revision: revision.id } },
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
