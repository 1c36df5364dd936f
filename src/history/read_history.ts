import { type Dialect, dialectNamed, dialects } from "../base/dialect.ts";
import { existsSync, readdirSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarborError, messageOf } from "../base/errors.ts";
import { buildHistory, type History, hostPaths, journalPath } from "./history.ts";
import { readingHint } from "../base/files/owner.ts";
import { isUtf8File } from "../base/files/is_utf8_file.ts";
import { readIfThere } from "../base/files/read_if_there.ts";
import { readRegularEdges } from "../base/files/regular_file.ts";

/** What is built into the binary, by its path below `drizzle/`. */
export interface EmbeddedFiles {
  /** Returns the text of a file; `null` when there is none. */
  read(path: string): string | null;
  /** See `HistoryFiles`: to unpack the snapshots takes a moment of each start. */
  namesSchema(path: string): boolean;
}

/**
 * Reads the history of a dialect from a `drizzle/` folder.
 *
 * @throws {HarborError} `bad_history` when the folder is missing, empty or broken
 */
export function readHistory(dir: string, dialect: Dialect): History {
  if (!statOf(dir)?.isDirectory()) throw noHistory(dir, "there is no such folder");
  const places = findPlaces(dir);
  const place = places.get(dialect);
  const [other] = places.keys();
  if (place === undefined && other !== undefined) throw ofAnother(dir, other, dialect);
  if (place === undefined) {
    throw noHistory(
      dir,
      readdirSync(dir).some((name) => name.endsWith(".sql"))
        ? `it has scripts, and no "${journalPath}"`
        : existsSync(join(dir, dialect))
        ? `there is no revision in "${dialect}"`
        : `it has no folder "${dialect}"`,
    );
  }
  const folder = join(dir, place, ".");
  return buildHistory(dialect, {
    folder,
    read: (path) => readIfThere(join(folder, path)),
    isGarbled: (path) => !isUtf8File(join(folder, path)),
    edges: (path) => readRegularEdges(join(folder, path), 1000) ?? null,
    folders: () => revisionFolders(folder),
  });
}

/** Returns the names of the folders that have a script, as drizzle-kit 1.0 lays revisions out. */
export function revisionFolders(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, "migration.sql"))).toSorted();
}

/**
 * Returns the dialects that a history is for, and where below its folder the files of each are: in `sqlite/` and
 * `postgresql/`, or in the folder itself, as drizzle-kit has it.
 *
 * @throws {HarborError} `bad_history` when it is of a dialect that harbor-db has no engine for
 */
export function findPlaces(dir: string): ReadonlyMap<Dialect, string> {
  // Of one that somebody wrote by hand there may be no snapshot.
  const snapshots = existsSync(join(dir, journalPath))
    ? []
    : revisionFolders(dir).map((folder) => join(dir, folder, "snapshot.json")).filter((path) =>
      existsSync(path)
    );
  // A merge may have left its marks in it, which are found later.
  const text = readIfThere(snapshots.at(-1) ?? join(dir, journalPath)) ?? "";
  const name = /"dialect"\s*:\s*"([^"]*)"/.exec(text)?.[1];
  if (name === undefined) {
    const there = dialects.filter((each) => hasHistory(join(dir, each), hostPaths[each]));
    return new Map(there.map((each) => [each, `${each}/`]));
  }
  const dialect = dialectNamed(name);
  if (dialect !== undefined) return new Map([[dialect, ""]]);
  throw noHistory(dir, `it is of ${name}, and harbor-db has no engine for that`);
}

/**
 * Says whether a dialect's folder holds anything of a history. One that is empty is there before the first revision, and so may be what
 * keeps it in version control, or what the host brings.
 */
function hasHistory(folder: string, hostPath: string | null): boolean {
  if (existsSync(join(folder, journalPath))) return true;
  const meta = dirname(journalPath);
  const isOther = (name: string) => name !== meta && name !== hostPath && !name.startsWith(".");
  return [folder, join(folder, meta)].some((each) =>
    statOf(each)?.isDirectory() === true && namesIn(each).some(isOther)
  );
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** Returns where below a history's folder the files of a dialect are, or will be: `sqlite/`, or nothing. */
export function placeOf(dir: string, dialect: Dialect): string {
  return findPlaces(dir).get(dialect) ?? `${dialect}/`;
}

/** Returns the history of a dialect that is built into the binary. */
export function embeddedHistory(files: EmbeddedFiles, dialect: Dialect): History {
  return buildHistory(dialect, {
    folder: `drizzle/${dialect}`,
    read: (path) => files.read(`${dialect}/${path}`),
    namesSchema: (path) => files.namesSchema(`${dialect}/${path}`),
  });
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): HarborError {
  return new HarborError("bad_history", `Cannot read the history in "${path}": ${messageOf(error)}`, {
    hint: readingHint(dirname(path), error),
    cause: error,
  });
}

function ofAnother(dir: string, other: Dialect, dialect: Dialect): HarborError {
  return new HarborError(
    "bad_history",
    `Cannot read the history in "${dir}": it is of ${other}, and the database is of ${dialect}`,
    {
      hint: [
        `Name the database: --database-url <${other} URL>; or as DATABASE_URL in the environment or in .env`,
        "Where its history is elsewhere: --dir <dir>",
      ],
      details: { dir },
    },
  );
}

function noHistory(dir: string, state: string): HarborError {
  return new HarborError("bad_history", `Cannot read the history in "${dir}": ${state}`, {
    hint:
      "Give the folder in which drizzle-kit's folders for the dialects are: --dir <dir>; or leave it out.",
    details: { dir },
  });
}
