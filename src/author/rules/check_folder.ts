import type { Dialect } from "../../base/dialect.ts";
import {
  checksumListPath,
  type Checksums,
  isSameButComments,
  isStatementsKey,
} from "../../history/checksum_list.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { HarborError } from "../../base/errors.ts";
import type { Finding } from "../../base/finding.ts";
import {
  buildHistory,
  coveredFolder,
  type History,
  journalPath,
  type Revision,
  scriptChecksum,
} from "../../history/history.ts";
import { snapshotOf } from "../../history/revision_schema.ts";
import { prefixOf } from "../../history/revision_name.ts";
import type { Script } from "../../history/scripts/script.ts";

/** One dialect's folder as it lies on disk, whatever its state. */
export interface HistoryFolder {
  readonly dialect: Dialect;
  /** Where in the history's folder its files are: `sqlite/`, or nothing. */
  readonly place: string;
  /** As shown in messages: `drizzle/sqlite`. */
  readonly folder: string;
  /** Texts of all files in it, by path below it. */
  readonly files: ReadonlyMap<string, string>;
}

/** What can be found wrong with the files of a history. */
export type HistoryCheck = "journal" | "files" | "edited" | "branches" | "snapshot" | "script" | "downgrade";

/** What `check` looks for: in the files, and in what they say. */
export type ProjectCheck = HistoryCheck | "syntax" | "hazard" | "dialects" | "schema" | "releases" | "proof";

/** What `check` finds. */
export type ProjectFinding = Finding & { readonly check: ProjectCheck };

/** A folder, what was found in it, and the history if it can be read. */
export interface CheckedFolder extends HistoryFolder {
  readonly findings: readonly ProjectFinding[];
  readonly history: History | null;
}

/** See {@link withGit}, which knows whether git has it. */
const restore = (path: string) => `git checkout -- ${quoteForShell(path)}`;

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

type Add = (
  check: HistoryCheck,
  where: {
    readonly path: string;
    readonly line?: number | null;
    readonly revision?: string;
    readonly isLost?: true;
    readonly status?: "warn";
  },
  message: string,
  hint: string,
) => void;

/**
 * Returns the history in a folder, as it would be with other texts of some files.
 *
 * @throws {HarborError} `bad_history`
 */
export function historyIn(
  { dialect, folder, files }: HistoryFolder,
  changed: ReadonlyMap<string, string> = new Map(),
): History {
  return buildHistory(dialect, {
    folder,
    read: (path) => changed.get(path) ?? files.get(path) ?? null,
    folders: () => [...files.keys()].flatMap((path) => /^([^/]+)\/migration\.sql$/.exec(path)?.[1] ?? []),
  });
}

function readJournal(folder: HistoryFolder, add: Add): History | null {
  const text = folder.files.get(journalPath);
  if (text !== undefined && /^(?:<{7}|>{7}) /m.test(text)) {
    const line = lineOf(text, /^<{7} /m);
    add("journal", { path: journalPath, line }, "a merge left its marks in it", "harbor-db rebase");
    return null;
  }
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
      // Whether databases that have it can go back was settled when it was released.
      if (check !== "downgrade") add(check, { ...where, path: start + where.path }, ...said);
    });
  }
}

/** Finds what no journal entry names. */
function checkStrangers({ files, folder }: HistoryFolder, history: History | null, add: Add): void {
  if (history === null) return;
  const covered = (history.covered ?? []).flatMap(({ files }) => files);
  // A squash that was killed left them where they were, beside its copies.
  const isCopied = new Set<string>(covered);
  const known = new Set([
    ...history.revisions.flatMap(({ files }) => files),
    ...history.covered === undefined
      ? []
      : [journalPath, ...covered].map((path) => `${coveredFolder}/${path}`),
  ]);
  for (const path of files.keys()) {
    if (known.has(path) || path === journalPath) continue;
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

function checkSums({ dialect, place, files }: HistoryFolder, checksums: Checksums, add: Add): void {
  for (const [path, text] of files) {
    if (path === journalPath || !/\.(?:sql|json)$/.test(path)) continue;
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

function checkRevision(folder: HistoryFolder, revision: Revision, add: Add): void {
  const [up, down, snapshot] = revision.files;
  const where = { revision: revision.id };
  if (!folder.files.has(snapshot)) {
    add(
      "files",
      { path: snapshot, ...where, isLost: true },
      "there is no such file",
      restore(`${folder.folder}/${snapshot}`),
    );
  } else {
    attempt(
      () => snapshotOf(revision),
      (error) =>
        add(
          "snapshot",
          { path: snapshot, ...where, isLost: true },
          error.state,
          restore(`${folder.folder}/${snapshot}`),
        ),
    );
  }
  const script = attempt(
    revision.upgrade,
    (error) =>
      add(
        "script",
        { path: up, line: error.details.line ?? null, ...where },
        error.state,
        error.hint ?? "Edit the script.",
      ),
  );
  checkWords(script, { path: up, ...where, status: "warn" }, add);
  const back = attempt(
    revision.downgrade,
    (error) =>
      add(
        "downgrade",
        { path: down, line: error.details.line ?? null, ...where },
        error.state,
        error.hint ?? "Edit the script.",
      ),
  );
  checkWords(back, { path: down, ...where, status: "warn" }, add);
  if (back === null) {
    add(
      "downgrade",
      { path: down, ...where },
      "there is no such file, so the revision cannot be undone",
      `Write it: what undoes ${folder.folder}/${up}. Or, where databases have it: harbor-db check --baseline ${revision.id}`,
    );
  } else if (back !== undefined && script !== undefined && isIdle(back) && !isIdle(script)) {
    if (back.statements.some(({ allowed }) => allowed.includes("idle_downgrade"))) return;
    add(
      "downgrade",
      { path: down, ...where },
      "it does nothing, and the upgrade does something",
      "Write what undoes it. Or say why not, above its SELECT 1: -- harbor:allow idle_downgrade REASON",
    );
  }
}

/** Names the BEGIN and COMMIT of a script that harbor-db leaves out. */
function checkWords(script: Script | null | undefined, where: Parameters<Add>[1], add: Add): void {
  const [line, ...more] = script?.leftOut ?? [];
  if (line === undefined) return;
  const isCut = script?.isCut === true;
  add(
    "script",
    { ...where, line },
    isCut
      ? "what stands behind its COMMIT runs statement by statement, and one may run twice where the upgrade is killed"
      : `the BEGIN and COMMIT in lines ${
        [line, ...more].join(", ")
      } are left out: all of it is one transaction without them`,
    `Nothing has to be done. Leave them out of the next script: ${
      isCut
        ? "what can run in no transaction says so above: -- harbor:alone"
        : "harbor-db begins and ends the transaction itself."
    }`,
  );
}

/** Says whether a script has no statement but `SELECT 1`. */
function isIdle({ statements }: Script): boolean {
  return statements.every(({ sql }) => /^SELECT 1$/i.test(sql));
}

/** Compares the order in the journal with the order in which the snapshots were made. */
function checkOrder({ files }: HistoryFolder, { revisions, isFoldered = false }: History, add: Add): void {
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
    const remedy = isFoldered
      ? "Where both change the same, write one of them anew with the project's own kit. Else nothing has to be done."
      : `harbor-db rebase ${revision.id}`;
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
        `harbor-db rebase ${revision.id}`,
      );
    }
  }
}

function attempt<T>(work: () => T, failed: (error: HarborError) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    failed(error);
    return undefined;
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

function lineOf(text: string, pattern: RegExp): number | null {
  const found = pattern.exec(text);
  return found === null ? null : text.slice(0, found.index).split("\n").length;
}
