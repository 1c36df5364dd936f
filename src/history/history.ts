import type { JsonFile } from "../base/json_schema.ts";
import { type Dialect, dialectNamed } from "../base/dialect.ts";
import type { HostFile } from "../base/url/postgres_url.ts";
import { createHash } from "node:crypto";
import * as v from "valibot";
import { HarborError } from "../base/errors.ts";
import { parseJson, readAs } from "../base/json_schema.ts";
import { once } from "../base/once_for.ts";
import { type Ends, endsIn, readEnds } from "../schema/kit_ends.ts";
import { type HostSchemas, hostSchemas } from "./host_schemas.ts";
import { idsOf, type RevisionFiles, revisionFiles, revisionName } from "./revision_name.ts";
import { markedFile } from "../base/merge_marks.ts";
import { parseScript, type Script, type ScriptSource } from "./scripts/script.ts";
import { snapshotReader } from "./snapshot_text.ts";
import { snapshotsSoFar } from "./snapshots_so_far.ts";

/** One step of the schema's history. */
export interface Revision {
  /** By which it is known in databases and on the command line, see {@link idsOf}: `5b09ebe23c76`, `0007`. */
  readonly id: string;
  /** In words: `Add R2 storage fields`. */
  readonly name: string;
  /** The revision before it; `null` for the first. */
  readonly parent: string | null;
  /** Its name in drizzle-kit's journal, and of its files or their folder: `5b09ebe23c76_add_r2_storage_fields`. */
  readonly tag: string;
  readonly files: RevisionFiles;
  /** The tag of the squashed revision that stands for it; only of those in {@link History.covered}. */
  readonly coveredBy?: string;
  /** When it was written, ISO 8601 UTC. */
  readonly createdAt: string;
  /**
   * SHA-256 of the upgrade script, hex, with line ends as LF so that a checkout on Windows has the same. For a
   * script with LF ends it is the hash that drizzle's own migrator stores.
   */
  readonly checksum: string;
  /** SHA-256 of the script as it lies there, hex, as drizzle's own migrator stores it. */
  readonly rawChecksum: string;
  /**
   * Reads the script that makes the revision.
   * @throws {HarborError} `bad_script`
   */
  upgrade(): Script;
  /** Returns the text of that script with line ends as LF; `null` where only a ledger knows the revision, and does not carry it. */
  upgradeText(): string | null;
  /**
   * Reads the script that undoes the revision; `null` when it has none.
   * @throws {HarborError} `bad_script`
   */
  downgrade(): Script | null;
  /** Returns the text of that script with line ends as LF; `null` when it has none. */
  downgradeText(): string | null;
  /**
   * Returns drizzle-kit's snapshot of the schema after the revision, for `readKitSnapshot`, which commands of every day
   * do without. Nobody may change it: snapshots of a history share the tables that are the same in them.
   * @throws {HarborError} `bad_history` when it is missing or no JSON
   */
  snapshot(): JsonFile;
  /**
   * Returns the snapshot's id and its parent's, without reading the schema in it.
   * @throws {HarborError} `bad_history` when it is missing or says none
   */
  ends(): Ends;
  /** Says whether its snapshot may name a schema beside the default one, by its text alone, which takes less time. */
  namesSchema(): boolean;
  /** Set where only the database's ledger knows the revision: the history that was read does not have it. */
  readonly ledger?: LedgerNote;
}

/** What is said of a revision that only the ledger knows. */
export interface LedgerNote {
  readonly recordedAt: string;
  readonly recordedBy: string;
  /** Why its row cannot be trusted; `null` when it is as it was written. */
  readonly damage: string | null;
  readonly hasDowngrade: boolean;
}

/** All revisions of a dialect, in order. */
export interface History {
  readonly dialect: Dialect;
  readonly revisions: readonly Revision[];
  /** Whether it is laid out as drizzle-kit 1.0 does it: without a journal, with a folder for each revision. */
  readonly isFoldered?: boolean;
  /** Those for which squashed ones stand, in order: a database that has one of them goes on by them, see `unfold`. */
  readonly covered?: readonly Revision[];
  /** Where it is said what the host brings, see `readHost`; left out of a dialect without hosts that do. */
  readonly host?: HostFile;
  /** Which of the schemas that its snapshots name are the host's; left out likewise. */
  readonly hostSchemas?: HostSchemas;
}

/** The files of one dialect's folder. */
export interface HistoryFiles {
  /** The folder as shown in messages: `drizzle/sqlite`, or where the built-in history says it comes from. */
  readonly folder: string;
  /** Returns the text of a file in the folder, `null` when there is none. */
  read(path: string): string | null;
  /** Says whether the bytes of a file are not UTF-8, so that U+FFFD in its text stands for another character; left out where all are. */
  readonly isGarbled?: (path: string) => boolean;
  /** Returns how such a text begins and ends, where that takes less time. */
  readonly edges?: (path: string) => string | null;
  /** Says of a snapshot what {@link mayNameSchema} says of its text; left out where only that tells. */
  readonly namesSchema?: (path: string) => boolean;
  /** Returns the names of the folders in it that have a script; left out where there is a journal for sure. */
  readonly folders?: () => readonly string[];
}

/** The journal's place in a dialect's folder. */
export const journalPath = "meta/_journal.json";

/** The file in a dialect's folder that makes what a hosting service brings, in scratch databases and nowhere else. */
export const hostPaths: Readonly<Record<Dialect, string | null>> = { sqlite: null, postgresql: "host.sql" };

/** The folder in a dialect's folder in which revisions lie, with a journal of their own, that squashed ones stand for. */
export const coveredFolder = "covered";

/**
 * Builds the history from a dialect's folder as drizzle-kit lays it out. Scripts and snapshots are only parsed when
 * they are asked for.
 *
 * @throws {HarborError} `bad_history` when the journal is missing or broken, an entry's files are missing, or two
 * revisions have the same id
 */
export function buildHistory(dialect: Dialect, files: HistoryFiles): History {
  const folders = files.read(journalPath) === null ? files.folders?.() ?? [] : [];
  const isFoldered = folders.length > 0;
  const entries = isFoldered ? entriesOf(folders) : readJournal(dialect, files);
  const ids = idsOf(entries.map(({ tag }) => tag));
  const before = new Set<string>();
  const twice = ids.find((id) => before.has(id) || !before.add(id));
  if (twice !== undefined) {
    throw broken(`${files.folder}/${journalPath}`, `revision ${twice} stands in it twice`);
  }
  const readSnapshot = isFoldered ? readFoldered(files, entries) : readPlain(files);
  const paths = isFoldered ? entries.map(({ tag }) => revisionFiles(tag, true)) : pathsOf(files, entries);
  const revisions = entries.map((entry, at) =>
    buildRevision(dialect, files, {
      entry,
      id: ids[at]!,
      parent: ids[at - 1] ?? null,
      paths: paths[at]!,
      readSnapshot,
    })
  );
  const covered = buildCovered(dialect, files, revisions);
  return withHost({ dialect, revisions, isFoldered, ...covered === null ? {} : { covered } }, files);
}

/** Returns the history of a dialect that has none yet. */
export function noHistoryYet(dialect: Dialect, files: HistoryFiles): History {
  return withHost({ dialect, revisions: [] }, files);
}

/** Returns a history with what it says of its host, and whose snapshots say which of their schemas are the host's. */
function withHost(history: History, files: HistoryFiles): History {
  const { folder, read } = files;
  const hostPath = hostPaths[history.dialect];
  if (hostPath === null) return history;
  const { revisions, covered } = history;
  const host = {
    file: `${folder}/${hostPath}`,
    text: once(() => read(hostPath)),
    isGarbled: () => isGarbled(files, hostPath),
  };
  const inCovered = (path: string) => `${coveredFolder}/${path}`;
  const schemas = hostSchemas({
    revisions: [
      ...(covered ?? []).map((
        { files: [up, down, snapshot] },
      ): RevisionFiles => [inCovered(up), inCovered(down), inCovered(snapshot)]),
      ...revisions.map(({ files }) => files),
    ],
    read,
    host: host.text,
  });
  const knowing = (revision: Revision): Revision => ({
    ...revision,
    snapshot: () => ({ ...revision.snapshot(), isHost: schemas.has }),
  });
  return {
    ...history,
    revisions: revisions.map(knowing),
    ...covered === undefined ? {} : { covered: covered.map(knowing) },
    host,
    hostSchemas: schemas,
  };
}

/**
 * Returns the files of a journal's revisions. Where tags begin with a time, snapshots may still be called by the number that
 * stood there, as of histories that older kits numbered and somebody renamed: the newer kit goes on with the tag's.
 */
function pathsOf(files: HistoryFiles, entries: readonly JournalEntry[]): readonly RevisionFiles[] {
  const byTag = entries.map(({ tag }) => revisionFiles(tag));
  const isThere = (path: string) => (files.edges ?? files.read)(path) !== null;
  return entries.map(({ tag, idx }, at) => {
    const [up, down, snapshot] = byTag[at]!;
    if (idx === undefined || !/^\d{10,}_/.test(tag)) return byTag[at]!;
    const [, , numbered] = revisionFiles(`${idx}`.padStart(4, "0"));
    // First the one that is seldom there: to read the other of each revision would take a long history a while.
    return isThere(numbered) && !isThere(snapshot) && !byTag.some((each) => each[2] === numbered)
      ? [up, down, numbered]
      : byTag[at]!;
  });
}

/**
 * Builds what squashed revisions stand for; `null` without any. Each stands for others before it, never for itself. What the
 * history still has itself is covered by nothing yet: a squash was killed there.
 */
function buildCovered(
  dialect: Dialect,
  { folder, read, isGarbled }: HistoryFiles,
  revisions: readonly Revision[],
): readonly Revision[] | null {
  if (read(`${coveredFolder}/${journalPath}`) === null) return null;
  const inner = {
    folder: `${folder}/${coveredFolder}`,
    read: (path: string) => read(`${coveredFolder}/${path}`),
    isGarbled: (path: string) => isGarbled?.(`${coveredFolder}/${path}`) === true,
  };
  const present = new Set(revisions.map(({ tag }) => tag));
  const covered = buildHistory(dialect, inner).revisions.filter(({ tag }) => !present.has(tag));
  for (const [at, { tag, coveredBy }] of covered.entries()) {
    if ([...covered.slice(at + 1), ...revisions].some((each) => each.tag === coveredBy)) continue;
    throw broken(`${inner.folder}/${journalPath}`, `no revision stands for ${tag}`);
  }
  return covered;
}

/** Returns the checksum of a script's text, see {@link Revision.checksum}. */
export function scriptChecksum(text: string): string {
  return sha256(text.replaceAll("\r\n", "\n"));
}

/** Returns the SHA-256 of a text, hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Returns the last revision of a history, leaving out what only a ledger knows; `undefined` when it has none. */
export function headOf(history: History): Revision | undefined {
  return history.revisions.findLast(({ ledger }) => ledger === undefined);
}

const journal = v.object({
  dialect: v.string(),
  entries: v.array(v.object({
    idx: v.optional(v.number()),
    when: v.pipe(v.number(), v.check(isTime, "is no time in milliseconds")),
    // It is the name of files: a path would lead out of the folder.
    tag: v.pipe(v.string(), v.regex(/^[\p{L}\p{N}_][\p{L}\p{N}_. -]*$/u, "is no name of a file")),
    coveredBy: v.optional(v.string()),
  })),
});

/** Says whether a `Date` can hold it. */
function isTime(ms: number): boolean {
  return Number.isInteger(ms) && !Number.isNaN(new Date(ms).getTime());
}

type JournalEntry = v.InferOutput<typeof journal>["entries"][number];

function readJournal(dialect: Dialect, files: HistoryFiles): readonly JournalEntry[] {
  const path = `${files.folder}/${journalPath}`;
  const wrong = (field: string, state: string) => broken(path, `${field === "" ? "it" : field} ${state}`);
  const { entries, dialect: own } = readAs(journal, readJson(files, journalPath), wrong);
  if (dialectNamed(own) !== dialect) throw broken(path, `its dialect is "${own}", and not "${dialect}"`);
  return entries;
}

function buildRevision(
  dialect: Dialect,
  files: HistoryFiles,
  { entry: { tag, when, coveredBy }, id, parent, paths, readSnapshot }: {
    readonly entry: JournalEntry;
    readonly id: string;
    readonly parent: string | null;
    readonly paths: RevisionFiles;
    readonly readSnapshot: (path: string) => JsonFile;
  },
): Revision {
  const source = (path: string) => ({ file: `${files.folder}/${path}`, text: files.read(path), dialect });
  const up = source(paths[0]);
  const { text } = up;
  if (text === null) throw broken(up.file, "the journal names it, and there is no such file");
  const down = once(() => source(paths[1]));
  const parse = (path: string, from: ScriptSource): Script => ({
    ...parseScript(from),
    ...isGarbled(files, path, from.text) ? { isGarbled: true } : {},
  });
  const checksum = scriptChecksum(text);
  return {
    id,
    name: revisionName(tag, text),
    parent,
    tag,
    files: paths,
    ...coveredBy === undefined ? {} : { coveredBy },
    createdAt: new Date(when).toISOString(),
    checksum,
    rawChecksum: text.includes("\r\n") ? sha256(text) : checksum,
    upgrade: once(() => parse(paths[0], { ...up, text })),
    upgradeText: () => text.replaceAll("\r\n", "\n"),
    downgrade: once(() => {
      const { text, ...place } = down();
      return text === null ? null : parse(paths[1], { ...place, text });
    }),
    downgradeText: () => down().text?.replaceAll("\r\n", "\n") ?? null,
    snapshot: () => readSnapshot(paths[2]),
    namesSchema: () =>
      hasSchemas[dialect] && (files.namesSchema?.(paths[2]) ?? mayNameSchema(files.read(paths[2]) ?? "")),
    ends: () => endsIn((files.edges ?? files.read)(paths[2]) ?? "") ?? readEnds(readPlain(files)(paths[2])),
  };
}

/** Whether a database has schemas beside the default one; the snapshots of a long history take their time to look through. */
const hasSchemas: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/**
 * Says by the text of a snapshot alone whether it may name a schema beside the default one: by what drizzle-kit writes of a thing that is in
 * another.
 */
export function mayNameSchema(snapshot: string): boolean {
  return /"schema"\s*:\s*"(?!public"|")/.test(snapshot);
}

/** Returns the entries that a journal would have for folders; their names begin with the time, as drizzle reads it. */
function entriesOf(folders: readonly string[]): readonly JournalEntry[] {
  return folders.toSorted((a, b) => a.localeCompare(b)).map((tag) => {
    const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(tag) ??
      [];
    const when = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
    return { tag, when: Number.isNaN(when) ? 0 : when };
  });
}

function readPlain(files: HistoryFiles): (path: string) => JsonFile {
  const parse = snapshotReader();
  return (path) => ({ path: `${files.folder}/${path}`, json: readJson(files, path, parse) });
}

/** Reads the snapshots of drizzle-kit 1.0. */
function readFoldered(files: HistoryFiles, entries: readonly JournalEntry[]): (path: string) => JsonFile {
  return snapshotsSoFar({
    paths: entries.map(({ tag }) => revisionFiles(tag, true)[2]),
    text: files.read,
    read: readPlain(files),
    broken: (path, state) => broken(`${files.folder}/${path}`, state),
  });
}

function readJson(files: HistoryFiles, name: string, parse = parseJson): unknown {
  const path = `${files.folder}/${name}`;
  const text = files.read(name);
  if (text === null) throw broken(path, "there is no such file").with({ details: { path, isMissing: true } });
  if (isGarbled(files, name, text)) throw broken(path, "it is not UTF-8");
  return parse(text, (_, state) => markedFile(path, text) ?? broken(path, `it ${state}`));
}

/** Says whether something else is read in a file than stands in it. */
function isGarbled(files: HistoryFiles, path: string, text = files.read(path)): boolean {
  return text?.includes("\uFFFD") === true && files.isGarbled?.(path) === true;
}

function broken(path: string, state: string): HarborError {
  return new HarborError("bad_history", `Cannot read "${path}"`, {
    state,
    hint: "See all that is wrong with it, and what to do: harbor-db check",
    details: { path },
  });
}
