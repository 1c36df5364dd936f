import type { Dialect } from "../base/dialect.ts";
import { join } from "node:path";
import {
  checksumListPath,
  listedFiles,
  listFile,
  parseChecksums,
  renderChecksums,
} from "../history/checksum_list.ts";
import { decide, type Decisions } from "./rules/change/decisions.ts";
import { HarborError } from "../base/errors.ts";
import { headOf, hostPaths, journalPath } from "../history/history.ts";
import type { KitSnapshot } from "../schema/kit_snapshot.ts";
import { kitVersions } from "../schema/form_of_today.ts";
import { withHostPart } from "../schema/host_part.ts";
import { originId, snapshotId } from "../schema/kit_ends.ts";
import { deriveRevisionId, idsOf, revisionFiles, tagOf } from "../history/revision_name.ts";
import { placeOf } from "../history/read_history.ts";
import { readIfThere } from "../base/files/read_if_there.ts";
import { readIfWritten } from "../base/files/written_text.ts";
import { type DraftedScripts, draftScripts, draftTemplate } from "./draft_revision.ts";
import { type Allowances, allowHazards, refuseUnmet } from "./allow_hazards.ts";
import type { DrizzleEngine } from "./project/drizzle_engine.ts";
import { withSequences } from "./serial_sequences.ts";
import type { ProjectPart } from "./project/read_project.ts";
import type { FileChange } from "./writing/write_together.ts";

/** A revision that is about to be written, for all dialects. */
export interface NewRevision {
  readonly id: string;
  readonly name: string;
  /** Of its files. */
  readonly tag: string;
  readonly parent: string | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly parts: readonly NewRevisionPart[];
  /** The files of those before it. */
  readonly earlier: readonly { readonly dialect: Dialect; readonly files: readonly string[] }[];
}

export interface NewRevisionPart {
  readonly dialect: Dialect;
  /** Where in the history's folder its files are. */
  readonly place: string;
  readonly scripts: DraftedScripts;
  /** What the revision leaves behind, with its ids. */
  readonly snapshot: KitSnapshot;
}

export interface RevisionRequest {
  readonly name: string;
  /** The id; derived from the revision when it is `null`. */
  readonly id: string | null;
  /** Milliseconds since 1970; `null` takes the clock's time, or the parent's and a millisecond if that is later. */
  readonly createdAt: number | null;
  now(): Date;
}

/**
 * Writes the scripts and snapshots of a change in memory.
 *
 * @throws {HarborError} `usage` when a hazard is allowed that is nowhere
 */
export async function draftRevision(
  parts: readonly ProjectPart[],
  { decisions, allowances = new Map(), ...request }: RevisionRequest & {
    readonly decisions: Decisions;
    readonly allowances?: Allowances;
  },
  engine: DrizzleEngine,
): Promise<NewRevision> {
  const drafted = [];
  const met: string[] = [];
  for (const part of parts) {
    const scripts = await draftScripts(
      request.name,
      withSequences(decide(part, decisions), part.history),
      engine,
    );
    const allowed = await allowHazards(scripts.up, { ...part, name: request.name }, allowances);
    met.push(...allowed.met);
    drafted.push({ dialect: part.dialect, scripts: { ...scripts, up: allowed.text }, schema: part.to });
  }
  refuseUnmet(allowances, met);
  return nameRevision(parts, request, drafted);
}

/** Writes a revision that does nothing yet, in memory. */
export function draftEmptyRevision(parts: readonly ProjectPart[], request: RevisionRequest): NewRevision {
  const drafted = parts.map(({ dialect, from }) => ({
    dialect,
    scripts: draftTemplate(request.name, dialect),
    schema: from,
  }));
  return nameRevision(parts, request, drafted);
}

/** Gives scripts and schemas an id, a place in the history and a time. */
function nameRevision(
  parts: readonly ProjectPart[],
  request: RevisionRequest,
  drafted: readonly {
    readonly dialect: Dialect;
    readonly scripts: DraftedScripts;
    readonly schema: KitSnapshot;
  }[],
): NewRevision {
  const { name } = request;
  const head = parts.map(({ history }) => headOf(history)).find((revision) => revision !== undefined);
  const parent = head?.id ?? null;
  const texts = drafted.flatMap(({ scripts }) => [scripts.up, scripts.down]);
  const id = request.id ?? deriveRevisionId({ parent, name, scripts: texts });
  if (parts.some(({ history }) => history.revisions.some((revision) => revision.id === id))) {
    throw new HarborError("usage", `Cannot add revision "${id}": the history has it already`, {
      hint: "harbor-db history",
    });
  }
  return {
    id,
    name,
    tag: tagOf(id, name),
    parent,
    createdAt: creationTime(request, head === undefined ? null : Date.parse(head.createdAt)),
    parts: drafted.map(({ dialect, scripts, schema }, at) => ({
      dialect,
      place: parts[at]!.place,
      scripts,
      // Who wrote the parent may have given it any id.
      snapshot: { ...schema, id: snapshotId(id), prevId: parent === null ? originId : parts[at]!.from.id },
    })),
    earlier: parts.map(({ dialect, history }) => ({ dialect, files: listedFiles(history) })),
  };
}

/** drizzle's own migrator goes by these times, so they only rise. */
function creationTime({ createdAt, now }: RevisionRequest, parentTime: number | null): number {
  if (createdAt === null) return Math.max(now().getTime(), (parentTime ?? 0) + 1);
  if (parentTime === null || createdAt > parentTime) return createdAt;
  const given = new Date(createdAt).toISOString();
  throw new HarborError(
    "usage",
    `Cannot date the revision "${given}": the one before it is of ${new Date(parentTime).toISOString()}`,
    { hint: "Give a later time, or leave --created-at out." },
  );
}

/**
 * Returns what is to be written for a revision: new files, and the journals and checksums that name them.
 *
 * @param unproven The dialects on which it failed: their files stay out of the list, and `check` red, until they are proven
 */
export function filesOf(
  dir: string,
  revision: NewRevision,
  unproven: readonly Dialect[] = [],
): readonly FileChange[] {
  const added = revision.parts.flatMap(({ dialect, place, scripts, snapshot }) => {
    const [up, down, meta] = revisionFiles(revision.tag);
    return [
      { dialect, path: place + up, text: scripts.up },
      { dialect, path: place + down, text: scripts.down },
      { dialect, path: place + meta, text: renderJson(withHostPart(snapshot)) },
    ];
  });
  const journals = revision.parts.map(({ dialect, place }) => {
    const path = place + journalPath;
    const before = readIfThere(join(dir, path));
    return { path, text: journalWith(before, dialect, revision), before };
  });
  const sums = readIfWritten(join(dir, checksumListPath));
  const checksums = sums === null ? checksumsOf(dir, revision.earlier) : parseChecksums(sums);
  for (const { dialect, place } of revision.parts) {
    const name = hostPaths[dialect];
    const path = `${place}${name}`;
    const text = name === null ? null : readIfThere(join(dir, path));
    // On an older one more was proven than this revision.
    if (text !== null && !unproven.includes(dialect) && !checksums.has(path)) {
      listFile(checksums, { dialect, path, text });
    }
  }
  for (const file of added) if (!unproven.includes(file.dialect)) listFile(checksums, file);
  return [
    ...added.map(({ path, text }) => ({ path, text, before: null })),
    { path: checksumListPath, text: renderChecksums(checksums), before: sums },
    ...journals,
  ];
}

/** Returns the checksums of the files of revisions that were written before there was a list. */
function checksumsOf(dir: string, revisions: NewRevision["earlier"]): Map<string, string> {
  const checksums = new Map<string, string>();
  for (const { dialect, files } of revisions) {
    for (const path of files.map((each) => placeOf(dir, dialect) + each)) {
      const text = readIfThere(join(dir, path));
      if (text !== null) listFile(checksums, { dialect, path, text });
    }
  }
  return checksums;
}

interface Journal {
  readonly entries: readonly { readonly idx: number; readonly tag: string }[];
}

function journalWith(text: string | null, dialect: Dialect, revision: NewRevision): string {
  const { createdAt, tag, parent } = revision;
  const journal: Journal = text === null
    ? { version: "7", dialect, entries: [] } as Journal
    : JSON.parse(text);
  if ((idsOf(journal.entries.map(({ tag }) => tag)).at(-1) ?? null) !== parent) {
    throw new HarborError("file_failed", `Cannot add revision "${tag}": another one was added meanwhile`, {
      hint: "Run the same command again.",
    });
  }
  const entry = {
    idx: (journal.entries.at(-1)?.idx ?? -1) + 1,
    version: kitVersions[dialect],
    when: createdAt,
    tag,
    breakpoints: true,
  };
  return renderJson({ ...journal, entries: [...journal.entries, entry] });
}

/** Returns JSON as all files of a history have it. */
export function renderJson(json: unknown): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}
