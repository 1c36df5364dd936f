import { existsSync, lstatSync, readdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { HarborError } from "../../../base/errors.ts";
import { realPath } from "../../../base/files/real_path.ts";
import { otherKind } from "../../../base/files/regular_file.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";

/** What SQLite keeps beside a file. Beside another file than the one it belongs to, it destroys that one. */
export const sideFiles = ["-journal", "-wal", "-shm"] as const;

/** What a database's name is followed by while it is kept, damaged, beside the one that took its place. */
export const damagedMark = ".damaged-";

/**
 * Returns what tells the folder of a file from another one with its path, in another container or on another machine.
 * The file's own number would change with each restore. Seconds, since runtimes know the time of birth more or less well.
 */
export function folderMark(path: string): string {
  const { ino, birthtimeMs } = statSync(dirname(realPath(path)), { bigint: true });
  return `folder ${ino} of ${birthtimeMs / 1_000n}`;
}

/**
 * Refuses what SQLite would wait for, not open, or take for something else than it is: a FIFO or a device in the place of a
 * database file or of what belongs beside it, and a link there.
 *
 * @throws {HarborError} `connection_failed`
 */
export function refuseOtherKinds(path: string, url: string): void {
  for (const ending of ["", ...sideFiles]) {
    const stat = statSync(path + ending, { throwIfNoEntry: false });
    const kind = linkedKind(path, ending) ?? (stat === undefined ? null : otherKind(stat));
    if (kind === null) continue;
    throw new HarborError("connection_failed", `Cannot open "${url}": "${path + ending}" is ${kind}`, {
      hint: ending === ""
        ? "Give the path of the database file itself."
        : `Look what it is: ls -l ${quoteForShell(path + ending)}`,
      details: { path: path + ending },
    });
  }
}

/** Beside the file itself, wherever a link to that is, SQLite opens no link. */
function linkedKind(path: string, ending: string): string | null {
  if (ending === "" || !existsSync(path)) return null;
  const side = lstatSync(realPath(path) + ending, { throwIfNoEntry: false });
  return side?.isSymbolicLink() === true ? "a link, and SQLite opens none beside a database" : null;
}

/**
 * Refuses to write a database file that other programs may reach by another path: what SQLite keeps beside a file
 * goes by its path, and by two paths two programs do not see each other's.
 *
 * @param path Its path without links
 * @param verb What was to be done with it
 * @throws {HarborError} `unsafe_path`
 * Source: https://www.sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
 */
export function refuseOtherPaths(
  path: string,
  { url, verb }: { readonly url: string; readonly verb: string },
): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const refuse = (state: string, hint: string) => {
    throw new HarborError("unsafe_path", `Cannot ${verb} "${url}": ${state}`, { hint, details: { path } });
  };
  if (namesOf(path, stat) > 1) {
    refuse(
      `"${path}" has other names (hard links), by which a program would not see what this one writes`,
      `Find them, and leave one: find / -xdev -samefile ${quoteForShell(path)}`,
    );
  }
  if (isMountPoint(path)) {
    refuse(
      `"${path}" is a mount of that file alone, without what SQLite keeps beside it`,
      "Mount the folder that the file is in instead.",
    );
  }
}

/**
 * Refuses a link that leads to no file: SQLite would make the file there, wherever that is.
 *
 * @throws {HarborError} `unsafe_path`
 */
export function refuseDanglingLink(
  path: string,
  { url, verb }: { readonly url: string; readonly verb: string },
): void {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  if (!isLink || existsSync(path)) return;
  throw new HarborError(
    "unsafe_path",
    `Cannot ${verb} "${url}": "${path}" is a link to a file that does not exist`,
    {
      hint: `Is its disk mounted? Look where it leads: readlink ${quoteForShell(path)}`,
      details: { path },
    },
  );
}

/** Counts a file's names, but for those under which a restore kept it when it was damaged. */
function namesOf(path: string, { ino, dev, nlink }: Stats): number {
  if (nlink < 2) return nlink;
  const folder = dirname(path);
  const kept = readdirSync(folder).filter((name) => name.startsWith(basename(path) + damagedMark)).filter(
    (name) => {
      const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
      return stat?.ino === ino && stat.dev === dev;
    },
  );
  return nlink - kept.length;
}

/** Whether a file is mounted by itself, as containers do with single files. Known on Linux. */
function isMountPoint(path: string): boolean {
  let table: string;
  try {
    table = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return false;
  }
  return table.split("\n").some((line) => unescapeOctal(line.split(" ", 5)[4] ?? "") === path);
}

/** Source: proc_pid_mountinfo(5) */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
