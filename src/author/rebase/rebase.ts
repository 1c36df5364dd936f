import type { RebaseRequest, RebaseResult } from "./request.ts";
import type { Dialect } from "../../base/dialect.ts";
import { join } from "node:path";
import { checksumListPath, listFile, parseChecksums, renderChecksums } from "../../history/checksum_list.ts";
import { HarborError } from "../../base/errors.ts";
import { journalPath } from "../../history/history.ts";
import { refuseReleased } from "../project/baseline.ts";
import { findRevisions } from "../../history/target.ts";
import {
  forksOf,
  moveBehind,
  readTree,
  squashedTags,
  type TreeRevision,
  withDescendants,
} from "../rules/revision_tree.ts";
import { isMerging, revisionsOn } from "../project/git_branch.ts";
import { readIfWritten } from "../../base/files/written_text.ts";
import { readHistoryFolders } from "../project/read_history_folders.ts";
import { rebaseDialect } from "./dialect.ts";
import { type FileChange, writeTogether } from "../writing/write_together.ts";

/**
 * Puts revisions behind those of another branch: their snapshots and the journal are made anew, and so are the scripts
 * that `generate` would write in another way there. What was written by hand stays.
 *
 * @throws {HarborError} `out_of_order` when a database has applied one; `bad_history` when two changes exclude each
 * other; `not_proven`; `usage` when it is not clear what to move
 */
export async function rebase(request: RebaseRequest): Promise<RebaseResult> {
  const { dir, cwd } = request;
  const folders = readHistoryFolders(dir, cwd).map((folder) => ({ folder, tree: readTree(folder) }));
  const { folder: { dialect }, tree } = folders[0]!;
  const moved = await choose(tree, dialect, request);
  if (moved.size === 0) return { order: [], rewritten: [], files: [], hosts: [], grounds: [] };
  refuseReleased(dir, tree.map(({ tag }) => tag), {
    dialect,
    verb: "move",
    isChanged: (tag) => tree.some((each) => each.tag === tag && moved.has(each.id)),
  });
  const fixed = tree.find((each) => moved.has(each.id) && squashedTags(folders[0]!.folder).has(each.tag));
  if (fixed !== undefined) {
    throw new HarborError("out_of_order", `Cannot move revision "${fixed.id}" (${fixed.name})`, {
      state: "it stands for others, which databases have",
      hint: "Move the other branch instead.",
    });
  }
  await refuseApplied(folders.map(({ tree }) => tree), moved, request);

  const changes: DialectChange[] = [];
  const rewritten: RebaseResult["rewritten"][number][] = [];
  const hosts: RebaseResult["hosts"][number][] = [];
  const grounds: RebaseResult["grounds"][number][] = [];
  for (const { folder, tree } of folders) {
    const rebased = await rebaseDialect({ folder, tree, moved, request });
    for (const [path, text] of rebased.files) {
      const { dialect, place, files } = folder;
      changes.push({ dialect, path: place + path, text, before: files.get(path) ?? null });
    }
    rewritten.push(...rebased.rewritten);
    hosts.push(...rebased.hosts);
    grounds.push(...rebased.grounds);
  }
  const files = [...changes, checksumChange(dir, changes, request.proof)].filter(({ text, before }) =>
    text !== before
  );
  await writeTogether(dir, files, request.writing);
  const order = moveBehind(tree, moved);
  return {
    order: [...order.kept, ...order.moved].map(({ id, name }) => ({
      revision: id,
      name,
      moved: moved.has(id),
    })),
    rewritten,
    files: files.map(({ path }) => join(dir, path)),
    hosts,
    grounds,
  };
}

interface DialectChange extends FileChange {
  readonly dialect: Dialect;
  readonly text: string;
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
  const found = findRevisions(tree, prefix);
  if (found.length === 1) return found[0]!.id;
  const code = found.length === 0 ? "unknown_target" : "ambiguous_target";
  const state = found.length === 0
    ? "no revision has that id or tag"
    : `it is the beginning of ${found.map(({ id }) => id).join(" and ")}`;
  throw new HarborError(code, `Cannot find revision "${prefix}": ${state}`, { hint: "harbor-db check" });
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

function checksumChange(dir: string, changes: readonly DialectChange[], proof: RebaseRequest["proof"]) {
  const before = readIfWritten(join(dir, checksumListPath));
  const checksums = parseChecksums(before ?? "");
  for (const { dialect, path, text } of changes) {
    // A script that was never proven is not by being written anew.
    const isKnown = !path.endsWith(".sql") || checksums.has(path) || proof.has(dialect);
    if (isKnown && !path.endsWith(journalPath)) listFile(checksums, { dialect, path, text });
  }
  return { path: checksumListPath, text: renderChecksums(checksums), before };
}
