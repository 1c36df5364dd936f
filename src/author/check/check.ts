import type { Dialect } from "../../base/dialect.ts";
import { join, relative } from "node:path";
import { type CheckedFolder, checkFolder } from "../rules/folder/check_folder.ts";
import { missingFiles } from "../rules/folder/files.ts";
import type { ProjectCheck, ProjectFinding } from "../rules/folder/finding.ts";
import { HarborError } from "../../base/errors.ts";
import { markedState, markLine } from "../../base/merge_marks.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { baselinePath } from "../../history/baseline.ts";
import {
  checksumListPath,
  isSameButComments,
  isStatementsKey,
  listFile,
  parseChecksums,
  renderChecksums,
  unlistFile,
} from "../../history/checksum_list.ts";
import {
  coveredFolder,
  type History,
  hostPaths,
  journalPath,
  scriptChecksum,
} from "../../history/history.ts";
import type { Client } from "../../engines/database.ts";
import { readIfThere } from "../../base/files/read_if_there.ts";
import { readIfWritten } from "../../base/files/written_text.ts";
import { readReleased, writeBaseline } from "../project/baseline.ts";
import { restoreCommand } from "../project/git_branch.ts";
import { checkDialects } from "./dialects.ts";
import { checkHazards } from "./hazards.ts";
import { checkProof } from "./proof.ts";
import { checkReleases } from "./releases.ts";
import { checkSchema } from "./schema.ts";
import { found, type ReadScripts, readScripts } from "../project/read_scripts.ts";
import { countSettled, detailsOf, settle } from "./rules/released.ts";
import { checkSyntax } from "./syntax.ts";
import type { ProofSetting } from "../proof/begin.ts";
import { readHistoryFolders } from "../project/read_history_folders.ts";
import type { ProjectPaths } from "../project/read_project.ts";
import { readUnfinished, type UnfinishedWrite } from "../writing/unfinished_write.ts";
import { type WriteOptions, writeTogether } from "../writing/write_together.ts";

/** What to check, and how far to go. */
export interface CheckRequest {
  readonly paths: ProjectPaths;
  /** Where paths are shown from. */
  readonly cwd: string;
  /** Of PostgreSQL: hazards are judged for it. */
  readonly postgresVersion: number;
  /** What revisions are proven on; `null` proves none. */
  readonly proof: ReadonlyMap<Dialect, ProofSetting> | null;
  readonly client: Client;
}

/** The checks that are made of a history that can be read. */
const ofWhole: readonly ProjectCheck[] = [
  "journal",
  "files",
  "branches",
  "snapshot",
  "script",
  "downgrade",
  "syntax",
  "hazard",
  "schema",
];

/** What is said where nothing was found. */
const passes: Readonly<Record<ProjectCheck, string>> = {
  journal: "the journals are whole and in order",
  files: "every file belongs to a revision, and no revision lacks one",
  edited: "no file was edited since it was written",
  branches: "every revision was made on top of the one before it",
  snapshot: "the snapshots can be read",
  script: "the scripts can be split into statements",
  downgrade: "every revision has a way back",
  syntax: "the statements are ones that their dialect takes",
  hazard: "no statement is dangerous without a word about it",
  dialects: "the scripts of both dialects do the same, and leave the same",
  schema: "schema.ts and the history agree",
  releases: "what releases need is in the history, and one may run on head",
  proof: "every revision goes up, down and up again, and leaves what its snapshot says",
};

/**
 * Checks a `drizzle/` folder and the schema.ts beside it, without a database of anybody's.
 *
 * @returns At least one finding of each check that was made
 * @throws {HarborError} `bad_history` when there is no such folder
 */
export async function checkProject(request: CheckRequest): Promise<readonly ProjectFinding[]> {
  const unfinished = readUnfinished(request.paths.dir);
  if (unfinished !== null) return [halfWritten(unfinished, request)];
  const folders = readFolders(request);
  const findings = await Promise.all(
    folders.flatMap((folder) => folder.findings).map((each) => withGit(each, request)),
  );
  findings.push(...listFindings(request));
  findings.push(...hostBeside(request, folders));
  const broken = folders.filter(({ history }) => history === null).map(({ dialect }) => dialect);
  const histories = folders.flatMap(({ history }) => history === null ? [] : [history]);
  const places = histories.map((history) => placeIn(history, request));
  findings.push(
    ...places.flatMap((place) => place instanceof HarborError ? [badBaseline(place, request)] : []),
  );
  const countOf = (at: number) => typeof places[at] === "number" ? places[at] : 0;
  const released = new Set(
    histories.flatMap(({ revisions }, at) => revisions.slice(0, countOf(at)).map(({ id }) => id)),
  );
  const made = new Set<ProjectCheck>(["edited"]);
  if (broken.length > 0) {
    findings.push(notReached(broken));
  } else {
    const scripts = new Map<Dialect, ReadScripts>();
    for (const [at, history] of histories.entries()) {
      const read = await readScripts(history);
      scripts.set(history.dialect, read);
      findings.push(...await checkSyntax(history, request.client, countOf(at)));
      findings.push(...checkHazards(history, read, request.postgresVersion));
    }
    findings.push(...checkDialects(histories, scripts), ...await checkSchema(request.paths, histories));
    const ofReleases = checkReleases(histories, request);
    if (ofReleases !== null) {
      findings.push(...ofReleases);
      made.add("releases");
    }
    for (const name of ofWhole) made.add(name);
    if (histories.length > 1) made.add("dialects");
    if (request.proof !== null) {
      const proven = histories.map((history, at) => ({ history, released: countOf(at) }));
      findings.push(...await checkProof(proven, request.proof));
      made.add("proof");
    }
  }
  /** What is released is not judged, and only run up. */
  const wordsOf = (check: ProjectCheck, isPassedOver: boolean) => {
    if (check !== "proof") return isPassedOver ? `after the baseline, ${passes[check]}` : passes[check];
    if (released.size === 0) return passes.proof;
    const isAll = histories.every(({ revisions }, at) => countOf(at) === revisions.length);
    return `released revisions run up: ${released.size}; ${
      isAll ? "there is no later one" : `after the baseline, ${passes.proof}`
    }`;
  };
  return (Object.keys(passes) as ProjectCheck[]).flatMap((check) => {
    const own = findings.filter((finding) => finding.check === check);
    const { open, ...settled } = settle(own, (revision) => released.has(revision as string));
    const counts = countSettled(settled);
    // Of scripts that do not run nobody says that they do, nor that what was not compared agrees.
    const isQuiet = made.has(check) &&
      open.every(({ status, details }) =>
        status === "pass" && details["ground"] === undefined && details["isReadOnly"] !== true
      );
    if (!isQuiet && counts === "") return open;
    const said = isQuiet ? [wordsOf(check, settled.released.length > 0)] : [];
    const words = [...said, ...counts === "" ? [] : [counts]];
    const details = counts === "" ? {} : detailsOf(settled);
    return [...open, found(check, { status: "pass", message: words.join("; "), details }, null)];
  });
}

/** Until it is whole, whatever else is found is of no history that anybody means. */
function halfWritten(
  { command, files }: UnfinishedWrite,
  { paths: { dir }, cwd }: CheckRequest,
): ProjectFinding {
  const done = files.filter(({ isDone }) => isDone).length;
  const folder = relative(cwd, dir) || ".";
  return found("journal", {
    message:
      `${folder}: a ${command} is not finished: ${done} of ${files.length} files are as it leaves them, and nothing else was looked at`,
    details: { command, files: files.filter(({ isDone }) => !isDone).map(({ path }) => `${folder}/${path}`) },
  }, "Where none is at work, this ends it: harbor-db rebase");
}

function placeIn(history: History, { paths: { dir } }: CheckRequest): number | HarborError {
  try {
    return readReleased(dir, history);
  } catch (error) {
    if (error instanceof HarborError) return error;
    throw error;
  }
}

function badBaseline(
  { state, hint, details }: HarborError,
  { paths: { dir }, cwd }: CheckRequest,
): ProjectFinding {
  const file = relative(cwd, join(dir, baselinePath));
  return found("journal", { message: `${file}: ${state}`, details: { ...details, file } }, String(hint));
}

/** Who writes a script by hand often writes no snapshot: that of the revision before it then says all but what the script does. */
function neverWritten(file: string): string {
  return /_snapshot\.json$/.test(file)
    ? ` Where none was ever written, copy the one before it to that name: in what the script leaves another schema, upgrade and adopt record.`
    : "";
}

/** Names a way to a file that is lost or broken that leads there: git does not have every one. */
async function withGit(finding: ProjectFinding, { cwd }: CheckRequest): Promise<ProjectFinding> {
  const { file, isLost } = finding.details as { readonly file: string; readonly isLost?: true };
  if (!isLost) return finding;
  const hint = await restoreCommand(file, cwd) ??
    `Take the file from where the history was written: git here does not have it.${neverWritten(file)}`;
  return { ...finding, hint };
}

/** The checks without which there is no proof. */
const whole: readonly ProjectCheck[] = [
  "journal",
  "files",
  "branches",
  "snapshot",
  "script",
  "syntax",
  "proof",
];

/**
 * Writes down the checksums of files that were edited, for the dialects on which they were proven; of the others those
 * of scripts of which only the comments were.
 *
 * @returns The findings, in which those of the files are no failures any more
 */
export async function acceptEdits(
  request: CheckRequest,
  findings: readonly ProjectFinding[],
  writing: WriteOptions,
): Promise<readonly ProjectFinding[]> {
  const { dir } = request.paths;
  const path = join(dir, checksumListPath);
  const before = readIfWritten(path);
  const tried = findings.some(({ check }) => check === "proof") ? [...request.proof?.keys() ?? []] : [];
  const proven = tried.filter((dialect) =>
    !findings.some(({ check, status, details }) =>
      (status === "fail" || status === "error") && details["dialect"] === dialect && whole.includes(check)
    )
  );
  if (before === null && proven.length === 0) return findings;
  const checksums = parseChecksums(before ?? "");
  const accepted = new Set<unknown>();
  for (const { dialect, place, folder, files, history } of readFolders(request)) {
    const notRun = history !== null && proven.includes(dialect)
      ? notRunOf(history, findings, request.paths)
      : null;
    const isProven = (name: string) => notRun !== null && !notRun.has(name);
    missingFiles({ place, files }, checksums).filter(isProven).forEach((name) =>
      accepted.add(`${folder}/${name}`)
    );
    const listed = [...checksums.keys()].filter((each) =>
      each.startsWith(place) && !isStatementsKey(each) && isProven(each.slice(place.length))
    );
    listed.forEach((each) => unlistFile(checksums, each));
    for (const [name, text] of files) {
      const file = { dialect, path: place + name, text };
      const isUnchanged = checksums.get(file.path) === scriptChecksum(text);
      if (name === journalPath || !(isProven(name) || isUnchanged || isSameButComments(checksums, file))) {
        continue;
      }
      listFile(checksums, file);
      accepted.add(`${folder}/${name}`);
    }
  }
  const change = { path: checksumListPath, text: renderChecksums(checksums), before };
  await writeTogether(dir, [change], writing);
  return findings.map((finding) => {
    const { check, status, message, details } = finding;
    const isAccepted = check === "edited" && status !== "pass" &&
      (accepted.has(details["file"]) || (details["dialect"] === null && proven.length > 0));
    return isAccepted ? { ...finding, status: "pass", message: `${message}; accepted`, hint: null } : finding;
  });
}

/** Returns the files of released revisions in the place of which a snapshot was taken for the proof. */
function notRunOf(
  history: History,
  findings: readonly ProjectFinding[],
  { dir }: ProjectPaths,
): ReadonlySet<string> {
  const isRun = findings.every(({ details }) =>
    details["dialect"] !== history.dialect || details["ground"] === undefined
  );
  if (isRun) return new Set();
  const { revisions, covered = [] } = history;
  return new Set([
    ...revisions.slice(0, readReleased(dir, history)).flatMap(({ files }) => files),
    ...covered.flatMap(({ files }) => files.map((file) => `${coveredFolder}/${file}`)),
  ]);
}

/**
 * Writes down which revisions are released.
 *
 * @param isProving Whether what the list leaves out is proven next
 */
export async function takeBaseline(
  request: CheckRequest,
  { target, isProving }: { readonly target: string; readonly isProving: boolean },
  writing: WriteOptions,
): Promise<void> {
  await writeBaseline(request.paths.dir, { folders: readFolders(request), target, isProving }, writing);
}

function readFolders({ paths: { dir }, cwd }: CheckRequest): readonly CheckedFolder[] {
  const list = readIfWritten(join(dir, checksumListPath));
  const checksums = list === null || markLine(list) !== null ? null : parseChecksums(list);
  return readHistoryFolders(dir, cwd).map((folder) => checkFolder(folder, checksums));
}

/** Says where there is no list, or none that can be read. */
function listFindings({ paths: { dir }, cwd }: CheckRequest): readonly ProjectFinding[] {
  const path = join(dir, checksumListPath);
  const [list, file] = [readIfWritten(path), relative(cwd, path)];
  const line = list === null ? null : markLine(list);
  if (line !== null) {
    const details = { dialect: null, file, line };
    return [found("edited", { message: `${file}:${line}: ${markedState}`, details }, "harbor-db rebase")];
  }
  if (list !== null) return [];
  const message = `${file}: there is no such list, so edits cannot be seen`;
  const remedy = "harbor-db check --prove --accept-edits";
  return [found("edited", { status: "warn", message, details: { dialect: null } }, remedy)];
}

/** Says of a file for the host that lies beside the dialects' folders, where nothing reads it. */
function hostBeside(
  { paths: { dir }, cwd }: CheckRequest,
  folders: readonly CheckedFolder[],
): readonly ProjectFinding[] {
  return folders.flatMap(({ dialect, place }) => {
    const name = hostPaths[dialect];
    if (name === null || place === "" || readIfThere(join(dir, name)) === null) return [];
    const [file, own] = [join(dir, name), join(dir, place, name)].map((path) => relative(cwd, path));
    return [
      found("files", {
        status: "warn",
        message: `${file}: nothing reads it there`,
        details: { dialect, file },
      }, `mv ${quoteForShell(file!)} ${quoteForShell(own!)}`),
    ];
  });
}

function notReached(broken: readonly Dialect[]): ProjectFinding {
  return {
    check: "journal",
    status: "error",
    message: `the scripts were not looked at, since the history of ${broken.join(" and ")} cannot be read`,
    hint: null,
    details: { dialects: broken },
  };
}
