import type { RebaseRequest, RebaseResult } from "./rebase_request.ts";
import type { Dialect } from "../base/dialect.ts";
import { join } from "node:path";
import { checksumListPath, parseChecksums, renderChecksums } from "../history/checksum_list.ts";
import { HarborError } from "../base/errors.ts";
import { journalPath, scriptChecksum } from "../history/history.ts";
import { kitVersions } from "../schema/kit_snapshot.ts";
import { revisionFiles } from "../history/revision_name.ts";
import { forksOf, moveBehind, readTree, type TreeRevision, withDescendants } from "./rules/revision_tree.ts";
import { renderJson } from "./generate.ts";
import { isMerging, revisionsOn } from "./git_branch.ts";
import { readIfThere } from "../base/files/read_if_there.ts";
import { readHistoryFolders } from "./read_history_folders.ts";
import { type PlacedRevision, rebaseDialect } from "./rebase_dialect.ts";
import { type FileChange, writeTogether } from "./write_together.ts";

/**
 * Puts revisions behind those of another branch: their snapshots and the journal are made anew, their scripts are kept
 * as long as they still do what they should.
 *
 * @throws {HarborError} `out_of_order` when a database has applied one; `bad_history` when two changes exclude each
 * other; `not_proven`; `usage` when it is not clear what to move
 */
export async function rebase(request: RebaseRequest): Promise<RebaseResult> {
  const { dir, cwd } = request;
  const folders = readHistoryFolders(dir, cwd);
  const trees = new Map(folders.map((folder) => [folder.dialect, readTree(folder)]));
  const [first] = folders;
  const tree = trees.get(first!.dialect)!;
  const moved = await choose(tree, first!.dialect, request);
  if (moved.size === 0) return { order: [], rewritten: [], files: [] };
  await refuseApplied(tree, moved, request);

  const changes: FileChange[] = [];
  const rewritten: RebaseResult["rewritten"][number][] = [];
  for (const folder of folders) {
    const all = trees.get(folder.dialect)!;
    const placed = await rebaseDialect({ folder, tree: all, order: moveBehind(all, moved), request });
    changes.push(...changesOf(folder.dialect, folder.files, placed));
    rewritten.push(...placed.flatMap(({ rewritten }) => rewritten ?? []));
  }
  const files = [...changes, checksumChange(dir, changes)].filter(({ text, before }) => text !== before);
  await writeTogether(dir, files, request.writing);
  const { kept } = moveBehind(tree, moved);
  return {
    order: [...kept, ...moveBehind(tree, moved).moved].map(({ id, name }) => ({
      revision: id,
      name,
      moved: moved.has(id),
    })),
    rewritten,
    files: files.map(({ path }) => join(dir, path)),
  };
}

/** Finds out what goes behind what. */
async function choose(
  tree: readonly TreeRevision[],
  dialect: Dialect,
  { dir, revision, onto }: RebaseRequest,
): Promise<ReadonlySet<string>> {
  if (revision !== null) return withDescendants(tree, resolve(tree, revision));
  const branch = onto ?? (await isMerging(dir) ? "MERGE_HEAD" : null);
  if (branch !== null) {
    const theirs = new Set(await revisionsOn(branch, dir, dialect));
    const missing = [...theirs].find((id) => !tree.some((each) => each.id === id));
    if (missing !== undefined) {
      throw new HarborError("usage", `Cannot rebase: revision ${missing} of "${branch}" is not here`, {
        hint: "Merge the branch first.",
      });
    }
    return new Set(tree.filter(({ id }) => !theirs.has(id)).map(({ id }) => id));
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

function resolve(tree: readonly TreeRevision[], prefix: string): string {
  const found = tree.filter(({ id }) => id.startsWith(prefix.toLowerCase()));
  if (found.length === 1) return found[0]!.id;
  const code = found.length === 0 ? "unknown_target" : "ambiguous_target";
  const state = found.length === 0
    ? "no revision has that id"
    : `it is the beginning of ${found.map(({ id }) => id).join(" and ")}`;
  throw new HarborError(code, `Cannot find revision "${prefix}": ${state}`, { hint: "harbor-db check" });
}

async function refuseApplied(
  tree: readonly TreeRevision[],
  moved: ReadonlySet<string>,
  request: RebaseRequest,
): Promise<void> {
  const applied = await request.applied();
  const fixed = tree.find(({ id }) => moved.has(id) && applied?.revisions.has(id));
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

function changesOf(
  dialect: Dialect,
  files: ReadonlyMap<string, string>,
  placed: readonly PlacedRevision[],
): readonly FileChange[] {
  const change = (path: string, text: string): FileChange => ({
    path: `${dialect}/${path}`,
    text,
    before: files.get(path) ?? null,
  });
  const changes = placed.flatMap(({ revision, snapshot, scripts }) => {
    const [up, down, meta] = revisionFiles(revision.tag);
    const isSame = snapshot === revision.snapshot;
    return [
      ...scripts === null ? [] : [change(up, scripts.up), change(down, scripts.down)],
      ...isSame ? [] : [change(meta, renderJson(snapshot))],
    ];
  });
  const version = kitVersions[dialect];
  const entries = placed.map(({ revision, when }, idx) => ({
    idx,
    version,
    when,
    tag: revision.tag,
    breakpoints: true,
  }));
  return [...changes, change(journalPath, renderJson({ version: "7", dialect, entries }))];
}

function checksumChange(dir: string, changes: readonly FileChange[]): FileChange {
  const before = readIfThere(join(dir, checksumListPath));
  const checksums = new Map(parseChecksums(before ?? ""));
  for (const { path, text } of changes) {
    if (text !== null && !path.endsWith(journalPath)) checksums.set(path, scriptChecksum(text));
  }
  return { path: checksumListPath, text: renderChecksums(checksums), before };
}
