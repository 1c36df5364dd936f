import { HarborError } from "../../../base/errors.ts";
import { type History, journalPath } from "../../../history/history.ts";
import { markedState, markLine } from "../../../base/merge_marks.ts";
import { parseScript } from "../../../history/scripts/script.ts";
import { type Add, attempt, restore } from "./finding.ts";
import { type HistoryFolder, historyIn } from "./history_folder.ts";

/** Returns the history of a folder; `null`, with what is wrong, where it cannot be read. */
export function readJournal(folder: HistoryFolder, add: Add): History | null {
  if (addMarks(folder, add)) return null;
  try {
    return historyIn(folder);
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const path = (error.details.path ?? "").slice(folder.folder.length + 1);
    const isMissing = path !== journalPath && !folder.files.has(path);
    add(
      isMissing ? "files" : "journal",
      { path, isLost: true },
      error.state,
      restore(`${folder.folder}/${path}`),
    );
    return null;
  }
}

/** Adds the files with the marks of a merge; scripts only beside others, since they are read one by one where the history can be read. */
function addMarks({ dialect, folder, files }: HistoryFolder, add: Add): boolean {
  const marked = [...files].flatMap(([path, text]) => {
    const line = markLine(text);
    return line === null ? [] : [{ path, text, line }];
  });
  const isJson = ({ path }: { readonly path: string }) => path.endsWith(".json");
  if (!marked.some(isJson)) return false;
  for (const { path, line } of marked.filter(isJson)) {
    const check = path.endsWith(journalPath) ? "journal" : "snapshot";
    add(check, { path, line }, markedState, "harbor-db rebase");
  }
  for (const { path, text, line } of marked.filter((each) => !isJson(each))) {
    attempt(
      () => parseScript({ file: `${folder}/${path}`, dialect, text }),
      ({ state, hint = "Edit the script.", details }) =>
        add("script", { path, line: details.line ?? line }, state, hint),
    );
  }
  return true;
}

/** Compares the order in the journal with the order in which the snapshots were made. */
export function checkOrder(
  { files }: HistoryFolder,
  { revisions, isFoldered = false }: History,
  add: Add,
): void {
  const ends = revisions.map((revision) => {
    // What cannot be read is found already, as a snapshot.
    const { id = null, prevId = null } = attempt(revision.ends, () => {}) ?? {};
    return { revision, id, prevId };
  });
  const lines = linesOfTags(files.get(journalPath) ?? "");
  for (const [index, { revision, prevId }] of ends.entries()) {
    const previous = ends[index - 1];
    const line = lines.get(revision.tag) ?? null;
    // Of drizzle-kit 1.0 two may come after one, and the next one after both.
    const where = isFoldered
      ? { path: revision.files[2], revision: revision.id, status: "warn" as const }
      : { path: journalPath, line, revision: revision.id };
    const move =
      `harbor-db rebase ${revision.id}. Or, where databases have it: harbor-db check --baseline ${revision.id}`;
    const remedy = isFoldered
      ? `Where both change the same, write one of them anew with the project's own kit. Else nothing has to be done. Where databases have it: harbor-db check --baseline ${revision.id}`
      : move;
    const twin = ends.slice(0, index).find((each) => prevId !== null && each.prevId === prevId);
    if (twin !== undefined) {
      const parent = ends.find(({ id }) => id === prevId)?.revision.id ?? "base";
      add(
        "branches",
        where,
        `${twin.revision.id} and ${revision.id} both come after ${parent}: two branches were merged`,
        remedy,
      );
    } else if (prevId !== null && previous !== undefined && previous.id !== null && prevId !== previous.id) {
      add(
        "branches",
        where,
        `${revision.id} stands after ${previous.revision.id} and was not made on top of it`,
        remedy,
      );
    }
    if (!isFoldered && previous !== undefined && revision.createdAt <= previous.revision.createdAt) {
      add(
        "journal",
        where,
        `${revision.id} is not dated later than ${previous.revision.id} before it, so drizzle-kit migrate would pass over it`,
        move,
      );
    }
  }
}

/** Returns in which line of a journal each tag stands. */
function linesOfTags(journal: string): ReadonlyMap<string, number> {
  return new Map(
    journal.split("\n").flatMap((text, at) =>
      [...text.matchAll(/"tag": *"([^"]+)"/g)].map((match) => [match[1]!, at + 1] as const)
    ),
  );
}
