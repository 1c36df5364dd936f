import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { HarborError } from "../errors.ts";
import { isUnflushable } from "./flush.ts";

/** A folder that stays the one that was opened, whatever becomes of its path meanwhile. */
export interface OpenFolder {
  /** Where it was when it was opened, without links. */
  readonly place: string;
  /** Returns the path of a name in it, for this process and those that it starts. */
  path(name: string): string;
  /** Waits until its list of files is on the disk, where the system can do that. */
  flush(): void;
  close(): void;
}

/** A path may lead through so many links, as for the system itself. */
const mostLinks = 40;

/**
 * Returns where a path leads, without links. Another user's link is followed only to that user's own files: who may
 * write a folder must not choose what root, or anybody else, overwrites somewhere else.
 *
 * The last part need not exist.
 *
 * @throws {HarborError} `unsafe_path`; the system's own errors
 */
export function trustedPath(path: string): string {
  // Not a system with our kind of links.
  if (sep !== "/") return resolve(path);
  const left = resolve(path).split("/").filter((name) => name !== "");
  let at = "/";
  for (let links = 0; left.length > 0;) {
    const name = left.shift()!;
    if (name === "..") at = dirname(at);
    if (name === ".." || name === ".") continue;
    const next = join(at, name);
    const stat = lstatSync(next, { throwIfNoEntry: false });
    if (!stat?.isSymbolicLink()) {
      at = next;
      continue;
    }
    if (++links > mostLinks) throw unsafe(path, `"${next}" leads to itself`);
    refuseForeignLink(path, next, stat);
    const to = readlinkSync(next);
    if (isAbsolute(to)) at = "/";
    left.unshift(...to.split("/").filter((part) => part !== ""));
  }
  return at;
}

/**
 * Opens a folder for files to be made and renamed in it. Where the system has `/proc`, its paths go by the open folder
 * itself, so that nobody can put another one in its place.
 *
 * @throws {HarborError} `unsafe_path`; the system's own errors
 */
export function openFolder(path: string): OpenFolder {
  return hold(trustedPath(path));
}

/** Runs `work` with a folder, as {@link openFolder} opens it. */
export function withOpenFolder<T>(path: string, work: (folder: OpenFolder) => T): T {
  const folder = openFolder(path);
  try {
    return work(folder);
  } finally {
    folder.close();
  }
}

/**
 * Makes a folder that nobody else may read or write in another one, under a name that nobody can foresee.
 *
 * @param prefix Of its name
 */
export function makePrivateFolder(parent: OpenFolder, prefix: string): OpenFolder & { remove(): void } {
  const name = basename(mkdtempSync(parent.path(prefix)));
  const folder = openPrivateFolder(parent, name);
  return {
    ...folder,
    remove: () => {
      folder.close();
      rmSync(parent.path(name), { recursive: true, force: true });
    },
  };
}

/**
 * Opens a folder in another one that this process has made and that nobody else may read or write.
 *
 * @throws {HarborError} `unsafe_path` when it is somebody else's meanwhile
 */
export function openPrivateFolder(parent: OpenFolder, name: string): OpenFolder {
  const place = join(parent.place, name);
  const folder = hold(place, parent.path(name));
  const { uid, mode } = statSync(folder.path("."));
  const user = currentUser();
  if ((mode & 0o077) === 0 && (user === undefined || uid === user)) return folder;
  folder.close();
  throw unsafe(place, "another folder was put in its place");
}

/** Returns the user that this process writes files as; `undefined` where the system does not say. */
export function currentUser(): number | undefined {
  return statSync("/proc/self", { throwIfNoEntry: false })?.uid;
}

/** Whether nobody but this process's user and root can put something else in the place of what is in a folder. */
export function isOwnFolder(stat: Pick<Stats, "uid" | "mode">): boolean {
  const user = currentUser();
  const isSticky = (stat.mode & 0o1000) !== 0;
  const isClosed = (stat.mode & 0o022) === 0;
  return (user === undefined || stat.uid === user || stat.uid === 0) && (isClosed || isSticky);
}

/**
 * @param place Its path without links
 * @param through The path to open it by
 */
function hold(place: string, through = place): OpenFolder {
  const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0 } = constants;
  let handle: number | undefined;
  try {
    handle = openSync(through, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    // A folder that may be written and not listed, and a system that opens no folders.
    if (!isUnflushable(error)) throw error;
  }
  const held = handle === undefined ? undefined : heldPath(handle);
  if (held !== undefined && readlinkSync(held) !== place) {
    closeSync(handle!);
    throw unsafe(place, "another folder was put in its place");
  }
  const base = held ?? through;
  return {
    place,
    path: (name) => `${base}/${name}`,
    flush: () => {
      try {
        if (handle !== undefined) fsyncSync(handle);
      } catch (error) {
        if (!isUnflushable(error)) throw error;
      }
    },
    close: () => {
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
    },
  };
}

/** Returns a path by which this process and its children reach an open folder; `undefined` without `/proc`. */
function heldPath(handle: number): string | undefined {
  try {
    const path = `/proc/${readlinkSync("/proc/self")}/fd/${handle}`;
    const [one, other] = [statSync(path), fstatSync(handle)];
    return one.ino === other.ino && one.dev === other.dev ? path : undefined;
  } catch {
    return undefined;
  }
}

function refuseForeignLink(path: string, link: string, { uid }: Stats): void {
  const user = currentUser();
  if (uid === 0 || user === undefined || uid === user) return;
  if (statSync(link, { throwIfNoEntry: false })?.uid === uid) return;
  throw unsafe(path, `"${link}" is another user's link to a file that is not that user's`);
}

function unsafe(path: string, state: string): HarborError {
  return new HarborError("unsafe_path", `Cannot write "${path}": ${state}`, {
    hint: "Give the file's own path, without links that others made, or run as the user that owns it.",
    details: { path },
  });
}
