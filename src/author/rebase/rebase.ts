import type { RebaseRequest, RebaseResult } from "./request.ts";
import type { Dialect } from "../../base/dialect.ts";
import { join } from "node:path";
import { markLine } from "../../base/merge_marks.ts";
import {
  checksumListPath,
  listFile,
  moveListed,
  renderChecksums,
  unlistFile,
} from "../../history/checksum_list.ts";
import { HarborError } from "../../base/errors.ts";
import { coveredFolder, journalPath, scriptChecksum } from "../../history/history.ts";
import { idsOf, revisionFiles } from "../../history/revision_name.ts";
import { parseScript } from "../../history/scripts/script.ts";
import { refuseReleased } from "../project/baseline.ts";
import { findRevisions } from "../../history/target.ts";
import type { HistoryFolder } from "../rules/folder/history_folder.ts";
import { tagsIn } from "../rules/journal_entries.ts";
import {
  forksOf,
  moveBehind,
  readTree,
  squashedTags,
  tagsBehind,
  type TreeRevision,
  withDescendants,
} from "../rules/revision_tree.ts";
import { readUnderWay, tagsOn, textAt, type UnderWay } from "../project/git_branch.ts";
import { readIfWritten } from "../../base/files/written_text.ts";
import { readHistoryFolders } from "../project/read_history_folders.ts";
import { mergedChecksums } from "./checksums.ts";
import { withOneSquash } from "./one_squash.ts";
import { isFoldered } from "../rules/folder/history_folder.ts";
import { needsJournal } from "../needs_journal.ts";
import { rebaseDialect } from "./dialect.ts";
import { type FileChange, writeTogether } from "../writing/write_together.ts";

/**
 * Puts revisions behind those of another branch: their snapshots and the journal are made anew, and so are the scripts
 * that `generate` would write in another way there. What was written by hand stays. Journals, snapshots and checksums that a
 * merge left its marks in are read for both sides, and written without.
 *
 * @throws {HarborError} `out_of_order` when a database has applied one; `bad_history` when two changes exclude each
 * other; `bad_script` for a script with the marks of a merge; `not_proven`; `usage` when it is not clear what to move
 */
export async function rebase(request: RebaseRequest): Promise<RebaseResult> {
  const { dir, cwd } = request;
  const folders: ReadFolder[] = [];
  const changes: DialectChange[] = [];
  const read = readHistoryFolders(dir, cwd);
  if (read.some(isFoldered)) throw needsJournal("rebase", dir);
  const underWay = await readUnderWay(dir);
  for (const there of read) {
    // Without a merge under way nobody knows whose sides they are.
    const { folder, changed } = underWay === null
      ? { folder: there, changed: new Map<string, string | null>() }
      : withOneSquash(there, underWay.branch === "HEAD" ? 0 : 1);
    changes.push(...changesOf(there, changed));
    const head = isAnyMarked(folder) ? await textAt("HEAD", dir, folder.place + journalPath) : null;
    folders.push({ folder, tree: readTree(folder, new Set(tagsIn(head ?? ""))) });
    refuseMarkedScripts(folder);
  }
  const { folder, tree } = folders[0]!;
  const moved = await choose(tree, folder, { ...request, underWay });
  const marked = folders.filter((each) => isAnyMarked(each.folder));
  const result: { -readonly [Field in keyof RebaseResult]: RebaseResult[Field][number][] } = {
    order: [],
    resolved: [],
    renumbered: [],
    rewritten: [],
    files: [],
    upOnly: [],
    hosts: [],
    grounds: [],
  };
  const list = readIfWritten(join(dir, checksumListPath));
  if (moved.size === 0 && marked.length === 0 && changes.length === 0 && !isMarked(list)) return result;
  const order = moveBehind(tree, moved);
  if (moved.size > 0) await refuseFixed(folders, moved, request);

  for (const { folder, tree } of moved.size > 0 ? folders : marked) {
    const rebased = await rebaseDialect({ folder, tree, moved, madeOn: underWay?.base ?? null, request });
    changes.push(...changesOf(folder, rebased.files));
    if (folder === folders[0]!.folder) result.renumbered.push(...rebased.renumbered);
    result.rewritten.push(...rebased.rewritten);
    if (rebased.upOnly !== null) {
      result.upOnly.push({ dialect: folder.dialect, revision: rebased.upOnly });
    }
    result.hosts.push(...rebased.hosts);
    result.grounds.push(...rebased.grounds);
  }
  const sums = list === null ? [] : [checksumChange(list, folders.map(({ folder }) => folder), {
    changes,
    renumbered: result.renumbered,
    proof: request.proof,
  })];
  const files = [...changes, ...sums].filter(({ text, before }) => text !== before);
  await writeTogether(dir, files, request.writing);
  const ids = idsOf([...order.kept.map(({ tag }) => tag), ...tagsBehind(order)]);
  result.order.push(...[...order.kept, ...order.moved].map(({ id, name }, at) => ({
    revision: ids[at]!,
    name,
    moved: moved.has(id),
  })));
  const shown = (change: FileChange) => join(dir, change.path);
  result.resolved.push(...files.filter(({ before }) => isMarked(before)).map(shown));
  result.files.push(...files.map(shown));
  return result;
}

/** One dialect's folder, and what its files say. */
interface ReadFolder {
  readonly folder: HistoryFolder;
  readonly tree: readonly TreeRevision[];
}

interface DialectChange extends FileChange {
  readonly dialect: Dialect;
}

function changesOf(
  { dialect, place, files }: HistoryFolder,
  changed: ReadonlyMap<string, string | null>,
): readonly DialectChange[] {
  return [...changed].map(([path, text]) => ({
    dialect,
    path: place + path,
    text,
    before: files.get(path) ?? null,
  }));
}

function isMarked(text: string | null): boolean {
  return text !== null && markLine(text) !== null;
}

function isAnyMarked({ files }: HistoryFolder): boolean {
  return [...files].some(([path, text]) => path.endsWith(".json") && isMarked(text));
}

/** Both sides of a snapshot are made one of here; what a script is to do, only a person can say. */
function refuseMarkedScripts({ dialect, folder, files }: HistoryFolder): void {
  for (const [path, text] of files) {
    if (path.endsWith(".sql") && isMarked(text)) parseScript({ file: `${folder}/${path}`, dialect, text });
  }
}

/** Finds out what goes behind what. */
async function choose(
  tree: readonly TreeRevision[],
  { dialect, files }: HistoryFolder,
  { dir, revision, onto, underWay }: RebaseRequest & { readonly underWay: UnderWay | null },
): Promise<ReadonlySet<string>> {
  if (revision !== null) return withDescendants(tree, resolve(tree, revision));
  const branch = onto ?? underWay?.branch ?? null;
  if (branch !== null) {
    const tags = await tagsOn(branch, dir, dialect);
    const theirs = new Set(tags);
    const isHere = (tag: string) =>
      tree.some((each) => each.tag === tag) || files.has(`${coveredFolder}/${revisionFiles(tag)[0]}`);
    const missing = tags.find((tag) => !isHere(tag));
    const isReverted = onto === null && underWay?.isRevert === true;
    if (missing !== undefined && isReverted) refuseRevert(tags, missing);
    else if (missing !== undefined) {
      throw new HarborError("usage", `Cannot rebase: revision ${missing} of "${branch}" is not here`, {
        hint: "Merge the branch first.",
      });
    }
    return new Set(tree.filter(({ tag }) => !theirs.has(tag)).map(({ id }) => id));
  }
  const forks = forksOf(tree);
  if (forks.length === 0) return new Set();
  const commands = forks.map(({ id }) => `harbor-db rebase ${id}`);
  throw new HarborError(
    "usage",
    `Cannot rebase: ${forks.map(({ id, name }) => `${id} (${name})`).join(" and ")} begin a branch each`,
    {
      hint: `Say which goes behind the others: ${commands.join(", or ")}; or --onto BRANCH.`,
      details: { revisions: forks.map(({ id }) => id) },
    },
  );
}

/** Refuses to take back what others were made on; the newest revision may go. */
function refuseRevert(tags: readonly string[], gone: string): void {
  const next = tags[tags.indexOf(gone) + 1];
  if (next === undefined) return;
  throw new HarborError("usage", `Cannot rebase: the revert takes ${gone} back, and ${next} was made on it`, {
    hint: [
      "End the revert: git revert --abort",
      "Then change schema.ts back, and write that as a revision: harbor-db generate NAME",
      "Or, where no database has them, take them back one by one, the newest first: harbor-db drop",
    ],
    details: { revision: gone },
  });
}

function resolve(tree: readonly TreeRevision[], prefix: string): string {
  const found = findRevisions(tree, prefix);
  if (found.length === 1) return found[0]!.id;
  const code = found.length === 0 ? "unknown_target" : "ambiguous_target";
  const state = found.length === 0
    ? "no revision has that id or tag"
    : `it is the beginning of ${found.map(({ id }) => id).join(" and ")}`;
  throw new HarborError(code, `Cannot find revision "${prefix}": ${state}`, { hint: "harbor-db check" });
}

/** Refuses to move what databases have. */
async function refuseFixed(
  folders: readonly ReadFolder[],
  moved: ReadonlySet<string>,
  request: RebaseRequest,
): Promise<void> {
  const { folder, tree } = folders[0]!;
  const { kept, moved: behind } = moveBehind(tree, moved);
  refuseReleased(request.dir, [...kept, ...behind].map(({ tag }) => tag), {
    dialect: folder.dialect,
    verb: "move",
    isChanged: (tag) => behind.some((each) => each.tag === tag),
  });
  const squashed = squashedTags(folder);
  const fixed = behind.find(({ tag }) => squashed.has(tag));
  if (fixed !== undefined) {
    throw new HarborError("out_of_order", `Cannot move revision "${fixed.id}" (${fixed.name})`, {
      state: "it stands for others, which databases have",
      hint: "Move the other branch instead.",
    });
  }
  await refuseApplied(folders.map(({ tree }) => tree), moved, request);
}

async function refuseApplied(
  trees: readonly (readonly TreeRevision[])[],
  moved: ReadonlySet<string>,
  request: RebaseRequest,
): Promise<void> {
  const applied = await request.applied();
  const fixed = trees.flat().find((each) =>
    moved.has(each.id) && applied?.has({ ...each, checksums: [each.checksum] })
  );
  if (applied === null || fixed === undefined) return;
  throw new HarborError(
    "out_of_order",
    `Cannot move revision "${fixed.id}" (${fixed.name}): the database "${applied.url}" has applied it`,
    {
      hint: `Move the other branch instead, or undo it there first: harbor-db downgrade -1`,
      details: { revision: fixed.id },
    },
  );
}

function checksumChange(
  before: string,
  folders: readonly HistoryFolder[],
  { changes, renumbered, proof }: {
    readonly changes: readonly DialectChange[];
    readonly renumbered: RebaseResult["renumbered"];
    readonly proof: RebaseRequest["proof"];
  },
): FileChange {
  const texts = new Map(
    folders.flatMap(({ place, files }) => [...files].map(([path, text]) => [place + path, text] as const)),
  );
  const checksums = mergedChecksums(before, (path) => {
    const text = texts.get(path);
    return text === undefined ? null : scriptChecksum(text);
  });
  for (const { from, to } of renumbered) {
    const names = revisionFiles(from).map((path, which) => [path, revisionFiles(to)[which]!] as const);
    for (const { place } of folders) {
      names.slice(0, 2).forEach(([path, now]) => moveListed(checksums, place + path, place + now));
    }
  }
  for (const { dialect, path, text } of changes.filter(({ text, before }) => text !== before)) {
    // A script that was never proven is not by being written anew.
    const isKnown = !path.endsWith(".sql") || checksums.has(path) || proof.has(dialect);
    if (text === null) unlistFile(checksums, path);
    else if (isKnown && !path.endsWith(journalPath)) listFile(checksums, { dialect, path, text });
  }
  return { path: checksumListPath, text: renderChecksums(checksums), before };
}
