import { join } from "node:path";
import { checksumListPath, parseChecksums, renderChecksums, unlistFile } from "../history/checksum_list.ts";
import { type HistoryFolder, historyIn } from "./rules/folder/history_folder.ts";
import { HarborError } from "../base/errors.ts";
import { journalPath, scriptChecksum } from "../history/history.ts";
import { readIfWritten } from "../base/files/written_text.ts";
import { idsOf, revisionFiles, revisionName } from "../history/revision_name.ts";
import { findRevisions } from "../history/target.ts";
import { refuseReleased } from "./project/baseline.ts";
import { renderJson } from "./generate.ts";
import { readHistoryFolders } from "./project/read_history_folders.ts";
import { tagsIn } from "./rules/journal_entries.ts";
import { squashedTags } from "./rules/revision_tree.ts";
import type { FileChange } from "./writing/write_together.ts";

/** The newest revision of a folder, and what taking it back comes to. */
export interface PlannedDrop {
  readonly revision: string;
  readonly tag: string;
  readonly name: string;
  /** Of its upgrade scripts. */
  readonly checksums: readonly string[];
  /** Journals and checksums first, so that what is left of a drop that was killed is in no journal. */
  readonly changes: readonly FileChange[];
  /** Those of its files that are not as they were written, as they are shown. */
  readonly edited: readonly string[];
}

/**
 * Finds the newest revision of all dialects: one that no journal names, as a killed `generate` or `drop` leaves it,
 * before the journals' last one.
 *
 * @param target The revision that is meant, or its beginning; `null` for whichever is the newest
 * @throws {HarborError} `unknown_target`, `out_of_order` when the target is not the newest, `bad_history` when there is
 * none, or the dialects do not have the same revisions
 */
export function planDrop(dir: string, cwd: string, target: string | null): PlannedDrop {
  const folders = readHistoryFolders(dir, cwd);
  const tags = newestOf(folders);
  const newest = tags.at(-1);
  if (newest === undefined) {
    throw new HarborError("bad_history", `Cannot drop a revision of "${dir}": the history has none`, {
      hint: 'harbor-db generate "Initial schema"',
    });
  }
  if (target !== null) refuseAnother(tags, target);
  refuseReleased(dir, tags, {
    dialect: folders[0]!.dialect,
    verb: "drop",
    isChanged: (tag) => tag === newest,
  });
  if (folders.some((folder) => squashedTags(folder).has(newest))) {
    throw new HarborError("out_of_order", `Cannot drop revision "${idsOf(tags).at(-1)!}"`, {
      state: "it stands for others, which databases have",
      hint: "Take the squash back with the version control that has the folder as it was.",
    });
  }
  const isFoldered = folders.every(({ files }) => files.has(revisionFiles(newest, true)[0]));
  const [up] = revisionFiles(newest, isFoldered);
  // drizzle-kit calls the snapshots of two with the same prefix by one name.
  const others = new Set(tags.slice(0, -1).flatMap((tag) => revisionFiles(tag, isFoldered)));
  const named = folders.flatMap((folder) => historyIn(folder).revisions).find(({ tag }) => tag === newest);
  const paths = (named?.files ?? revisionFiles(newest, isFoldered)).filter((path) => !others.has(path));
  const journals = folders.flatMap((folder): FileChange[] => {
    const before = folder.files.get(journalPath);
    if (before === undefined || !tagsIn(before).includes(newest)) return [];
    const journal: { readonly entries: readonly unknown[] } = JSON.parse(before);
    const text = renderJson({ ...journal, entries: journal.entries.slice(0, -1) });
    return [{ path: folder.place + journalPath, text, before }];
  });
  const removed = folders.flatMap(({ place, files }) =>
    // The script that it is known by goes last.
    paths.toReversed().flatMap((path): FileChange[] => {
      const before = files.get(path);
      return before === undefined ? [] : [{ path: place + path, text: null, before }];
    })
  );
  const list = readIfWritten(join(dir, checksumListPath));
  const checksums = parseChecksums(list ?? "");
  const edited = removed.filter(({ path, before }) => checksums.get(path) !== scriptChecksum(before!));
  for (const { place } of folders) paths.forEach((path) => unlistFile(checksums, place + path));
  const text = renderChecksums(checksums);
  const scripts = folders.flatMap(({ files }) => files.get(up) ?? []);
  return {
    revision: idsOf(tags).at(-1)!,
    tag: newest,
    name: revisionName(newest, scripts[0] ?? ""),
    checksums: scripts.map(scriptChecksum),
    changes: [
      ...journals,
      ...list === null || list === text ? [] : [{ path: checksumListPath, text, before: list }],
      ...removed,
    ],
    edited: edited.map(({ path }) => path),
  };
}

/** Returns the tags of all revisions in order; what a drop that was killed left in one dialect is the last one. */
function newestOf(folders: readonly HistoryFolder[]): readonly string[] {
  const lists = folders.map((folder) => historyIn(folder).revisions.map(({ tag }) => tag));
  const longest = lists.toSorted((a, b) => b.length - a.length)[0]!;
  const isNear = (list: readonly string[]) =>
    list.length >= longest.length - 1 && list.every((tag, index) => tag === longest[index]);
  if (!lists.every(isNear)) {
    throw new HarborError(
      "bad_history",
      "Cannot drop a revision: the dialects do not have the same ones",
      { hint: "harbor-db check" },
    );
  }
  const isNamed = new Set(longest);
  const strays = new Set(folders.flatMap(({ files }) =>
    [...files.keys()].flatMap((path) => {
      const tag = /^([^/]+?)(?:\.down)?\.sql$/.exec(path)?.[1];
      return tag === undefined || isNamed.has(tag) ? [] : [tag];
    })
  ));
  if (strays.size < 2) return [...longest, ...strays];
  throw new HarborError(
    "bad_history",
    `Cannot drop a revision: ${idsOf([...strays]).join(" and ")} are in no journal`,
    { hint: "harbor-db check" },
  );
}

function refuseAnother(tags: readonly string[], target: string): void {
  const ids = idsOf(tags);
  const found = findRevisions(tags.map((tag, at) => ({ tag, id: ids[at]! })), target).map(({ id }) => id);
  const newest = ids.at(-1)!;
  if (found.length === 1 && found[0] === newest) return;
  if (found.length === 0) {
    throw new HarborError(
      "unknown_target",
      `Cannot find revision "${target}": no revision has that id or tag`,
      {
        hint: "harbor-db history",
      },
    );
  }
  if (found.length > 1) {
    throw new HarborError(
      "ambiguous_target",
      `Cannot find revision "${target}": it is the beginning of ${found.join(" and ")}`,
      { hint: "Give more of it.", details: { candidates: found } },
    );
  }
  throw new HarborError(
    "out_of_order",
    `Cannot drop revision "${found[0]}": ${newest} is newer`,
    {
      hint: "They go one by one, the newest first: harbor-db drop",
      details: { revision: found[0], newest },
    },
  );
}
