import { markLine } from "../../../base/merge_marks.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";
import {
  checksumListPath,
  type Checksums,
  isSameButComments,
  isStatementsKey,
} from "../../../history/checksum_list.ts";
import {
  coveredFolder,
  type History,
  hostPaths,
  journalPath,
  scriptChecksum,
} from "../../../history/history.ts";
import { isSameName, prefixOf, revisionName } from "../../../history/revision_name.ts";
import type { Add } from "./finding.ts";
import type { HistoryFolder } from "./history_folder.ts";

/** Finds what no journal entry names. */
export function checkStrangers(
  { dialect, files, folder }: HistoryFolder,
  history: History | null,
  add: Add,
): void {
  if (history === null) return;
  const covered = (history.covered ?? []).flatMap(({ files }) => files);
  // A squash that was killed left them where they were, beside its copies.
  const isCopied = new Set<string>(covered);
  const known = new Set<string | null>([
    ...history.revisions.flatMap(({ files }) => files),
    hostPaths[dialect],
    ...history.covered === undefined
      ? []
      : [journalPath, ...covered].map((path) => `${coveredFolder}/${path}`),
  ]);
  for (const path of files.keys()) {
    // What begins with a dot is nobody's script: version control keeps empty folders by such.
    if (known.has(path) || path === journalPath || /(?:^|\/)\.[^/]*$/.test(path)) continue;
    if (history.isFoldered) {
      add("files", { path }, "it belongs to no revision", remedyInFolders(path, folder, history));
      continue;
    }
    const id = prefixOf(path.replace(/^meta\//, ""));
    const script = !isCopied.has(path) &&
      [...files.keys()].some((each) => each.startsWith(`${id}_`) && /(?<!\.down)\.sql$/.test(each));
    const snapshot = `meta/${id}_snapshot.json`;
    // Another revision of that number may have it, as where a script was written anew under another name.
    const isWhole = script && files.has(snapshot) && !known.has(snapshot);
    add(
      "files",
      { path },
      "the journal does not name it",
      isWhole
        ? `harbor-db rebase ${id}`
        : `${script ? "Take the rest of its revision from where that was written; or: " : ""}rm ${
          quoteForShell(`${folder}/${path}`)
        }`,
    );
  }
}

/** drizzle-kit 1.0 leaves a way back where it was when it lays a history out anew. */
function remedyInFolders(path: string, folder: string, { revisions }: History): string {
  const shown = (name: string) => quoteForShell(`${folder}/${name}`);
  const tag = /^([^/]+)\.down\.sql$/.exec(path)?.[1];
  const [own, other] = tag === undefined
    ? []
    : revisions.filter((each) => isSameName(each.tag, revisionName(tag, "")));
  return own === undefined || other !== undefined
    ? `rm ${shown(path)}`
    : `mv ${shown(path)} ${shown(own.files[1])}`;
}

/** Compares the files with the list of their sums. */
export function checkSums({ dialect, place, files }: HistoryFolder, checksums: Checksums, add: Add): void {
  for (const [path, text] of files) {
    if (path === journalPath || !/\.(?:sql|json)$/.test(path)) continue;
    // What a merge made of a snapshot is nobody's edit.
    if (path.endsWith(".json") && markLine(text) !== null) continue;
    const listed = place + path;
    const written = checksums.get(listed);
    if (written === scriptChecksum(text)) continue;
    const accept = (flags: string) => `If that is meant: harbor-db check ${flags}`;
    if (written === undefined) {
      const state = `${checksumListPath} does not list it, so it was never proven`;
      add("edited", { path }, state, "Prove it: harbor-db check --prove --accept-edits");
    } else if (isSameButComments(checksums, { dialect, path: listed, text })) {
      add("edited", { path }, "its comments were edited since it was written", accept("--accept-edits"));
    } else add("edited", { path }, "it was edited since it was written", accept("--prove --accept-edits"));
  }
  for (const path of missingFiles({ place, files }, checksums)) {
    add(
      "edited",
      { path },
      `${checksumListPath} lists it, and there is no such file`,
      "Put it back. If it is meant to be gone: harbor-db check --prove --accept-edits",
    );
  }
}

/** Returns what the list has of a folder and the folder has no more, as paths in it. */
export function missingFiles(
  { place, files }: Pick<HistoryFolder, "place" | "files">,
  checksums: Checksums,
): readonly string[] {
  return [...checksums.keys()].filter((key) => key.startsWith(place) && !isStatementsKey(key))
    .map((key) => key.slice(place.length)).filter((path) => path !== journalPath && !files.has(path));
}
