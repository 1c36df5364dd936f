import { isPgEnum } from "drizzle-orm/pg-core";
import { type Dialect, dialects } from "../../../src/base/dialect.ts";
import type { Decisions } from "../../../src/author/rules/change/decisions.ts";
import { parseFills } from "../../../src/author/rules/change/fills.ts";
import { buildHistory, headOf, type History, journalPath } from "../../../src/history/history.ts";
import { revisionFiles } from "../../../src/history/revision_name.ts";
import { parseRenames } from "../../../src/author/rules/change/renames.ts";
import { loadDrizzleEngine } from "../../../src/author/project/drizzle_engine.ts";
import { readKitSnapshot } from "../../../src/schema/kit_snapshot.ts";
import { draftRevision, type NewRevision, renderJson } from "../../../src/author/generate.ts";
import { readExports } from "../../../src/author/project/load_schema.ts";
import type { ProjectPart } from "../../../src/author/project/read_project.ts";

/** What a case decides beside the two schemas. */
export interface CaseDecisions {
  readonly renames?: readonly string[];
  readonly fills?: readonly string[];
}

/** Two revisions as generate writes them, in memory: the first makes a schema, the second changes it. */
export interface TwoRevisions {
  readonly second: NewRevision;
  /** The folder of a dialect: what is in its files, by their paths. */
  files(dialect: Dialect): ReadonlyMap<string, string>;
  history(dialect: Dialect): History;
}

const engine = await loadDrizzleEngine();
const noTables: DialectTables = { sqlite: {}, postgresql: {} };

/** Drizzle tables of each dialect, by any names. */
export type DialectTables = Readonly<Record<Dialect, Readonly<Record<string, unknown>>>>;

/** Returns the tables of a dialect as a schema.ts that exports these gives them; none for none. */
export function tablesFor(dialect: Dialect, tables: readonly unknown[]): Readonly<Record<string, unknown>> {
  return tables.length === 0 ? {} : readExports("schema.ts", { tables: { ...tables } }).tablesFor(dialect)!;
}

function inDialects(tables: readonly unknown[]): DialectTables {
  return { sqlite: tablesFor("sqlite", tables), postgresql: tablesFor("postgresql", tables) };
}

/** Generates a revision that makes `before`, and one that turns it into `after`. */
export function generateTwo(
  before: readonly unknown[],
  after: readonly unknown[],
  decisions: CaseDecisions = {},
): Promise<TwoRevisions> {
  return generateBetween(inDialects(before), inDialects(after), decisions);
}

/** {@link generateTwo} for tables that are given as Drizzle's own of each dialect. */
export async function generateBetween(
  before: DialectTables,
  after: DialectTables,
  { renames = [], fills = [] }: CaseDecisions = {},
): Promise<TwoRevisions> {
  const none: Decisions = { renames: parseRenames([]), dropped: "all", fills: new Map() };
  const first = await draft("First", await drizzleParts(noTables, before, () => empty), none);
  const isType = (name: string) =>
    Object.values(before.postgresql).some((each) => isPgEnum(each) && each.enumName === name);
  const decisions = {
    renames: parseRenames(renames, [], isType),
    dropped: "all",
    fills: parseFills(fills),
  } as const;
  const parts = await drizzleParts(before, after, (dialect) => historyOf(dialect, [first]));
  const second = await draft("Second", parts, decisions);
  return {
    second,
    files: (dialect) => filesOf(dialect, [first, second]),
    history: (dialect) => historyOf(dialect, [first, second]),
  };
}

const empty: History = { dialect: "sqlite", revisions: [] };

/** Returns what one dialect has and wants, for each dialect. */
export function partsOf(
  before: readonly unknown[],
  after: readonly unknown[],
  history: (dialect: Dialect) => History = () => empty,
): Promise<readonly ProjectPart[]> {
  return drizzleParts(inDialects(before), inDialects(after), history);
}

function drizzleParts(
  before: DialectTables,
  after: DialectTables,
  history: (dialect: Dialect) => History,
): Promise<readonly ProjectPart[]> {
  return Promise.all(dialects.map(async (dialect) => {
    const own = history(dialect);
    const head = headOf(own);
    return {
      dialect,
      place: `${dialect}/`,
      history: own,
      from: head === undefined
        ? await engine.snapshot(dialect, before[dialect])
        : readKitSnapshot(head.snapshot()),
      to: await engine.snapshot(dialect, after[dialect]),
      isChanged: true,
    };
  }));
}

function draft(name: string, parts: readonly ProjectPart[], decisions: Decisions): Promise<NewRevision> {
  const now = () => new Date("2026-01-01T00:00:00Z");
  return draftRevision(parts, { name, id: null, createdAt: null, now, decisions }, engine);
}

function historyOf(dialect: Dialect, revisions: readonly NewRevision[]): History {
  const files = filesOf(dialect, revisions);
  return buildHistory(dialect, { folder: dialect, read: (path) => files.get(path) ?? null });
}

function filesOf(dialect: Dialect, revisions: readonly NewRevision[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { tag, parts } of revisions) {
    const { scripts, snapshot } = parts.find((part) => part.dialect === dialect)!;
    const [up, down, meta] = revisionFiles(tag);
    files.set(up, scripts.up).set(down, scripts.down).set(meta, renderJson(snapshot));
  }
  const entries = revisions.map(({ tag, createdAt }, idx) => ({ idx, tag, when: createdAt }));
  return files.set(journalPath, renderJson({ dialect, entries }));
}
