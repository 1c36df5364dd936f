import { HarborError } from "../../base/errors.ts";
import { markLine, sidesOf } from "../../base/merge_marks.ts";
import { coveredFolder, journalPath } from "../../history/history.ts";
import { revisionFiles } from "../../history/revision_name.ts";
import type { HistoryFolder } from "../rules/folder/history_folder.ts";
import { looseEntries, tagsIn } from "../rules/journal_entries.ts";
import type { ChangedFiles } from "./place.ts";

/** A folder in which one side's squashes alone are left, and what of its files is another than it lies there. */
export interface OneSquash {
  readonly folder: HistoryFolder;
  readonly changed: ChangedFiles;
}

const coveredJournal = `${coveredFolder}/${journalPath}`;

/**
 * Takes the squashes of one side where both branches squashed, so that a merge left its marks in what says which revision stands
 * for others. What the other side's stood for is there all the same, and its databases go by that.
 *
 * @param side The one that keeps its place: 0 is HEAD's
 * @throws {HarborError} `bad_history` when the other side squashed what this one does not have
 */
export function withOneSquash(folder: HistoryFolder, side: 0 | 1): OneSquash {
  const { files } = folder;
  const text = files.get(coveredJournal) ?? "";
  const changed: ChangedFiles = new Map();
  if (markLine(text) === null) return { folder, changed };
  const sides = sidesOf(text);
  const kept = looseEntries(sides[side]);
  const other = looseEntries(sides[1 - side]!);
  const present = tagsIn(sidesOf(files.get(journalPath) ?? "")[side]);
  const known = new Set([...kept.map(({ tag }) => tag), ...present]);
  const lost = other.find(({ tag }) => !known.has(tag));
  if (lost !== undefined) {
    throw new HarborError(
      "bad_history",
      `Cannot read "${folder.folder}/${coveredJournal}:${markLine(text)}"`,
      {
        state: `both branches squashed, and only one has ${lost.tag}`,
        hint: "Take the squash of this branch back with version control, then merge again.",
        details: { path: `${folder.folder}/${coveredJournal}` },
      },
    );
  }
  changed.set(coveredJournal, sides[side]);
  for (const path of present.flatMap((tag) => revisionFiles(tag))) {
    const inner = files.get(`${coveredFolder}/${path}`);
    if (inner === undefined || files.has(path)) continue;
    changed.set(path, inner).set(`${coveredFolder}/${path}`, null);
  }
  const standing = new Set([...kept.map(({ fields }) => fields["coveredBy"]), ...known]);
  for (const { fields: { coveredBy } } of other) {
    if (standing.has(coveredBy)) continue;
    for (const path of revisionFiles(String(coveredBy))) if (files.has(path)) changed.set(path, null);
  }
  const left = new Map(files);
  for (const [path, now] of changed) {
    if (now === null) left.delete(path);
    else left.set(path, now);
  }
  return { folder: { ...folder, files: left }, changed };
}
