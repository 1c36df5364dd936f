import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { dialects } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { currentUser } from "../base/files/open_folder.ts";
import { readIfThere } from "../base/files/read_if_there.ts";
import { readIfWritten } from "../base/files/written_text.ts";
import { journalPath } from "../history/history.ts";
import { revisionFolders } from "../history/read_history.ts";
import { type DrizzleConfig, parseDrizzleConfig } from "../history/drizzle_config.ts";
import { quoteForShell } from "../base/quote_shell.ts";
import { moduleFiles } from "../base/files/module_files.ts";

/** The names that a config of drizzle-kit has. Looked for one by one, since a folder may hold very many files. */
const configs = ["ts", "js", "mjs", "cjs", "mts", "cts", "json"].map((end) => `drizzle.config.${end}`);

/** A developer's project. */
export interface Project {
  /** The folder of its history. */
  readonly history: string;
  /** The absolute paths of its schema's files, where a `drizzle.config` says one or several. */
  readonly schema: readonly string[] | null;
  /** What the `drizzle.config` says, from whose folder its paths lead. */
  readonly config: DrizzleConfig | null;
  /** The `drizzle.config` itself. */
  readonly configFile: string | null;
}

/**
 * Returns the project that a folder is, or is in; `null` outside of one. A folder with `schema.ts`, a `drizzle.config`, or a
 * package.json that asks for Drizzle is a project whether it has a history or not. So is one with anything of a history in
 * `drizzle/`, as where only that is deployed. One around it is when it has a history, which is in `drizzle/`, unless the config
 * names another folder and none of ours is there.
 *
 * @throws {HarborError} `bad_config` when only running a config would tell where the history is
 */
export function findProject(cwd: string): Project | null {
  for (let folder = cwd;; folder = dirname(folder)) {
    // What is in a folder of another user's is not even looked at.
    const project = folder === cwd || isOurs(folder) ? projectIn(folder) : null;
    if (project !== null && (folder === cwd || isOurs(project.history))) return project;
    if (folder === dirname(folder)) return null;
  }
}

function projectIn(folder: string): Project | null {
  const file = configs.map((name) => join(folder, name)).find((path) => existsSync(path));
  const usual = join(folder, "drizzle");
  const isProject = file !== undefined || existsSync(join(folder, "schema.ts")) || hasHistory(usual) ||
    usesDrizzle(folder);
  if (!isProject) return null;
  const isLaidOut = dialects.some((dialect) => existsSync(join(usual, dialect)));
  const text = file === undefined ? null : readIfWritten(file);
  if (file === undefined || text === null) {
    return { history: usual, schema: null, config: null, configFile: null };
  }
  const config = parseDrizzleConfig(text);
  if (config.out === null && !existsSync(usual)) throw computed(file, "out", "--dir <dir>");
  return {
    history: isLaidOut ? usual : resolve(folder, config.out ?? "drizzle"),
    schema: config.schema ? moduleFiles(folder, config.schema) : null,
    config,
    configFile: file,
  };
}

/** Whether it is an application of Drizzle's, whose config may lie deeper: its database is not The Open Harbor's. */
function usesDrizzle(folder: string): boolean {
  return /"drizzle-(?:kit|orm)"\s*:/.test(readIfThere(join(folder, "package.json")) ?? "");
}

/** Whether there is anything of a history: one that lacks its journal, or may not be read, is none to be gone past. */
function hasHistory(dir: string): boolean {
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const isPart = (name: string) => name === dirname(journalPath) || name.endsWith(".sql");
  if (!isFolder(dir)) return false;
  return [dir, ...dialects.map((dialect) => join(dir, dialect)).filter(isFolder)]
    .some((place) => readdirSync(place).some(isPart) || revisionFolders(place).length > 0);
}

function computed(file: string, name: string, option: string): HarborError {
  return new HarborError("bad_config", `Cannot read "${file}"`, {
    state: `its "${name}" is no plain text, and the config is not run`,
    hint: `Say it: ${option}`,
    details: { path: file },
  });
}

/**
 * Refuses to take a project's history when there is none, or when somebody else's scripts would run with this user's
 * rights.
 *
 * @throws {HarborError} `bad_history` or `unsafe_path`
 */
export function refuseUnlessUsable(history: string): void {
  if (!existsSync(history)) {
    throw new HarborError(
      "bad_history",
      `Cannot read the history in "${history}": there is no such folder, and the one around it is a project`,
      {
        hint: [
          'To write its first revision: harbor-db generate "Initial schema"',
          "Where its history is elsewhere: --dir <dir>",
          "For the history that is built in: run it in a folder without schema.ts, drizzle.config, drizzle/ and Drizzle in package.json",
        ],
      },
    );
  }
  if (isOurs(history) && isOurs(dirname(history))) return;
  throw new HarborError(
    "unsafe_path",
    `Cannot read the history in "${history}": it is another user's, whose scripts would run with your rights`,
    { hint: `When you trust them: --dir ${quoteForShell(history)}` },
  );
}

/**
 * Refuses to run a schema that nobody named when somebody else wrote it, or the config that leads to it.
 *
 * @throws {HarborError} `unsafe_path`
 */
export function refuseForeignSchema(file: string, configFile: string | null): void {
  const foreign = [configFile, dirname(file), file].find((path) =>
    path !== null && existsSync(path) && !isOurs(path)
  );
  if (foreign === undefined) return;
  throw new HarborError(
    "unsafe_path",
    `Cannot read the schema in "${file}": ${
      foreign === file ? "it" : foreign
    } is another user's, whose code would run with your rights`,
    { hint: `When you trust it: --schema ${quoteForShell(file)}`, details: { path: file } },
  );
}

/** Whether something is there that is this user's or root's. */
export function isOurs(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  const user = currentUser();
  return stat !== undefined && (user === undefined || stat.uid === user || stat.uid === 0);
}
