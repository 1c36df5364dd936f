import { coveredFolder, type History } from "../../../history/history.ts";
import type { Checksums } from "../../../history/checksum_list.ts";
import { checkStrangers, checkSums } from "./files.ts";
import type { Add, ProjectFinding } from "./finding.ts";
import type { HistoryFolder } from "./history_folder.ts";
import { checkOrder, readJournal } from "./journal.ts";
import { checkRevision } from "./revision.ts";

/** A folder, what was found in it, and the history if it can be read. */
export interface CheckedFolder extends HistoryFolder {
  readonly findings: readonly ProjectFinding[];
  readonly history: History | null;
}

/** Looks through a folder without running anything. */
export function checkFolder(folder: HistoryFolder, checksums: Checksums | null): CheckedFolder {
  const findings: ProjectFinding[] = [];
  const add: Add = (check, where, message, hint) => {
    const { path, line = null, revision = null, isLost, status = "fail" } = where;
    const file = path === "" ? folder.folder : `${folder.folder}/${path}`;
    findings.push({
      check,
      status,
      message: `${line === null ? file : `${file}:${line}`}: ${message}`,
      hint,
      details: { dialect: folder.dialect, file, line, revision, ...isLost ? { isLost } : {} },
    });
  };
  const history = readJournal(folder, add);
  checkStrangers(folder, history, add);
  checkCovered(folder, history, add);
  if (checksums !== null) checkSums(folder, checksums, add);
  for (const revision of history?.revisions ?? []) checkRevision(folder, revision, add);
  if (history !== null) checkOrder(folder, history, add);
  return { ...folder, findings, history };
}

/** Looks through what squashed revisions stand for as through the others. */
function checkCovered(
  { dialect, place, folder, files }: HistoryFolder,
  history: History | null,
  add: Add,
): void {
  const start = `${coveredFolder}/`;
  const inner: HistoryFolder = {
    dialect,
    place: place + start,
    folder: `${folder}/${coveredFolder}`,
    files: new Map(
      [...files].flatMap(([path, text]) => path.startsWith(start) ? [[path.slice(start.length), text]] : []),
    ),
  };
  for (const revision of history?.covered ?? []) {
    checkRevision(inner, revision, (check, where, ...said) => {
      // Whether databases that have it can go back was settled when it was released, and what is only said, there is nobody to tell.
      if (check !== "downgrade" && where.status !== "warn") {
        add(check, { ...where, path: start + where.path }, ...said);
      }
    });
  }
}

/** Returns why a history cannot be read, and the remedy; `null` where all can. */
export function whyBroken(
  folders: readonly CheckedFolder[],
): { readonly state: string; readonly hint: string } | null {
  const broken = folders.find(({ history }) => history === null);
  if (broken === undefined) return null;
  // What makes it so is found first.
  const [{ message, hint, details }] = broken.findings as readonly [ProjectFinding];
  return { state: message, hint: details["isLost"] === true ? "harbor-db check" : hint ?? "harbor-db check" };
}
