import { journalPath } from "../../history/history.ts";
import { revisionFiles } from "../../history/revision_name.ts";
import { kitVersions } from "../../schema/form_of_today.ts";
import { renderJson } from "../generate.ts";
import type { HistoryFolder } from "../rules/folder/history_folder.ts";
import type { NewOrder, TreeRevision } from "../rules/revision_tree.ts";

/** Texts of files by path below a dialect's folder; `null` of those that go. */
export type ChangedFiles = Map<string, string | null>;

/**
 * Returns the files of a folder as the new order alone has them: the journal, the snapshots that a merge could not make one of, and
 * what has another name.
 *
 * @param tags What the moved revisions are called from now on
 */
export function placeFiles(
  { dialect, files }: HistoryFolder,
  { kept, moved }: NewOrder,
  tags: readonly string[],
): ChangedFiles {
  const renamed = moved.map((revision, at) => ({ ...revision, tag: tags[at]! }));
  const placed: ChangedFiles = new Map();
  for (const path of moved.flatMap(({ tag }, at) => tag === tags[at] ? [] : revisionFiles(tag))) {
    placed.set(path, null);
  }
  for (const { tag, snapshotText } of [...kept, ...renamed]) {
    if (snapshotText !== null) placed.set(revisionFiles(tag)[2], snapshotText);
  }
  for (const [at, { tag }] of renamed.entries()) {
    const [from, to] = [revisionFiles(moved[at]!.tag), revisionFiles(tag)];
    for (const which of [0, 1] as const) {
      const text = files.get(from[which]);
      if (text !== undefined && from[which] !== to[which]) placed.set(to[which], text);
    }
  }
  return placed.set(journalPath, journalOf(dialect, [...kept, ...renamed]));
}

/** drizzle's own migrator goes by the times, so they only rise. */
function journalOf(dialect: HistoryFolder["dialect"], revisions: readonly TreeRevision[]): string {
  let last = -1;
  const entries = revisions.map(({ when, tag, entry }, idx) => {
    last = Math.max(when ?? 0, last + 1);
    const usual = { idx, version: kitVersions[dialect], when: last, tag, breakpoints: true };
    return { ...usual, ...entry, idx, when: last, tag };
  });
  return renderJson({ version: "7", dialect, entries });
}
