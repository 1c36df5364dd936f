import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { HarborError, messageOf } from "../../base/errors.ts";
import { workspaceEnding } from "./folder.ts";
import { manifestPathOf } from "../rules/manifest.ts";
import type { Client } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { limitRemedy } from "../../base/files/limit_remedy.ts";
import { type OpenFolder, openFolder, openPrivateFolder } from "../../base/files/open_folder.ts";
import { removeFile, removeFolder, removingBehind } from "../../base/files/remove.ts";

/**
 * While a backup is made, all of it is in a folder `.ID.PID.SPACE.partial` beside the finished ones. When the process
 * dies, the next one sees by the name that nobody works there any more.
 */
const pattern = /^\.(.+)\.(\d+)\.([0-9a-f]{8}|any)\.partial$/;

/**
 * After this long nobody of another machine works there any more, if it is seen twice: a clock that jumps makes every
 * folder look old at once, but not again after as long.
 */
const abandonedMs = 24 * 3_600_000;

/** What the mark is called that is left beside a folder that looked abandoned. */
const seenEnding = ".seen";

/** Where this process works at the moment: a restore makes a backup while it reads another. */
const ours = new Set<string>();

/**
 * Runs work with a new folder that nobody else may read, and removes it with all that is in it. Both folders stay the
 * same ones, whoever may write the one around them.
 *
 * @param work Gets the new folder, and the one that it is in
 */
export async function withWorkspace<T>(
  folder: string,
  { id, client }: { readonly id: string; readonly client: Client },
  work: (path: string, around: OpenFolder) => Promise<T>,
): Promise<T> {
  const name = `.${id}.${client.pid}.${spaceOf(client)}${workspaceEnding}`;
  const path = join(folder, name);
  const around = openFolder(folder);
  let own: OpenFolder | undefined;
  try {
    ours.add(path);
    return await removingBehind(
      async () => {
        own?.close();
        await removeFolder(around.path(name)).catch((error) => {
          throw notRemoved(path, error);
        });
      },
      async () => {
        await makeFolder(around, name);
        own = openPrivateFolder(around, name);
        return await work(own.path("."), around);
      },
    );
  } finally {
    ours.delete(path);
    around.close();
  }
}

function notRemoved(path: string, error: unknown): HarborError {
  return new HarborError("file_failed", `Cannot remove "${path}"`, {
    state: messageOf(error),
    hint: [
      ...[limitRemedy(error)].filter((remedy) => remedy !== null),
      `It may hold a copy of the database. Remove it: rm -r ${quoteForShell(path)}`,
    ],
    cause: error,
  });
}

async function makeFolder(around: OpenFolder, name: string): Promise<void> {
  try {
    await mkdir(around.path(name), { mode: 0o700 });
  } catch (error) {
    throw new HarborError("file_failed", `Cannot write in "${around.place}": ${messageOf(error)}`, {
      hint: limitRemedy(error) ??
        "Run as the user that owns the folder, or use another one: --backup-dir <dir>",
      cause: error,
    });
  }
}

/**
 * Removes what runs left that did not end: their folders, and files that had got their name but no manifest.
 *
 * @returns How many runs that were
 */
export async function clearLeftovers(folder: string, client: Client, now: Date): Promise<number> {
  const names = await readdir(folder);
  const orphans = names.filter((name) => name.endsWith(seenEnding) && !names.includes(workspaceOf(name)));
  for (const orphan of orphans) await removeFile(join(folder, orphan));
  const left = names.map((name) => pattern.exec(name)).filter((match) => match !== null);
  let count = 0;
  for (const [name, id, pid, space] of left) {
    const path = join(folder, name);
    if (ours.has(path) || !await isAbandoned(path, { pid: Number(pid), space: space!, client, now })) {
      continue;
    }
    // Of another run of the same millisecond, which lives, it is the same.
    const isShared = left.some(([other, otherId]) => other !== name && otherId === id);
    for (const file of isShared ? [] : names.filter((each) => isNamedFor(each, id!))) {
      const isComplete = file.endsWith(".json") || existsSync(manifestPathOf(join(folder, file)));
      if (!isComplete) await removeFile(join(folder, file));
    }
    await removeFolder(path);
    await removeFile(path + seenEnding);
    count++;
  }
  return count;
}

/** What a run left in a folder of backups, or still works on. */
export interface Leftover {
  readonly path: string;
  /** Of all that is in it; `null` where this user may not look. */
  readonly bytes: number | null;
  /** Whether its process is gone; what is of another machine or container may be at work. */
  readonly isOver: boolean;
}

/** Lists what the next run would look at to remove it, without that which is known to be at work. */
export async function listLeftovers(folder: string, client: Client): Promise<readonly Leftover[]> {
  const left: Leftover[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const [, , pid, space] = pattern.exec(name) ?? [];
    const path = join(folder, name);
    if (space === undefined || ours.has(path)) continue;
    const isOver = hasEnded({ pid: Number(pid), space, client });
    if (isOver !== false) left.push({ path, bytes: await bytesIn(path), isOver: isOver === true });
  }
  return left;
}

async function bytesIn(path: string): Promise<number | null> {
  try {
    const files = await readdir(path, { recursive: true });
    // What goes meanwhile takes nothing.
    const sizes = files.map(async (file) => (await stat(join(path, file)).catch(() => null))?.size ?? 0);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  } catch {
    return null;
  }
}

/** Removes what runs left that did not end, and says so: a copy holds all that the database does. */
export async function tellLeftovers(
  folder: string,
  client: Client,
  { now, notify }: Pick<RunContext, "now" | "notify">,
): Promise<void> {
  const count = await clearLeftovers(folder, client, now());
  if (count === 0) return;
  const left = count === 1 ? "a run" : `${count} runs`;
  notify({ kind: "note", text: `removed from "${folder}" what ${left} left that did not end` });
}

/** Whether a file has the name of a run's backup, or the one it took because that was taken. */
function isNamedFor(file: string, id: string): boolean {
  return file.startsWith(id) && /^(-\d+)?\./.test(file.slice(id.length));
}

interface Owner {
  readonly pid: number;
  readonly space: string;
  readonly client: Client;
}

/** Says whether a process is gone; `null` for one of another machine or container, of which nobody here knows. */
function hasEnded({ pid, space, client }: Owner): boolean | null {
  if (space === "any" || space !== spaceOf(client)) return null;
  // What has this process's number and is not ours is from an earlier one.
  return pid === client.pid || !client.isAlive(pid);
}

async function isAbandoned(
  path: string,
  { now, ...owner }: Owner & { readonly now: Date },
): Promise<boolean> {
  const isOver = hasEnded(owner);
  if (isOver !== null) return isOver;
  if (!await isOld(path, now)) return false;
  const seen = path + seenEnding;
  if (await stat(seen).catch(() => undefined) !== undefined) return await isOld(seen, now);
  const around = openFolder(dirname(path));
  try {
    await writeFile(around.path(basename(seen)), "", { flag: "wx", mode: 0o600 });
  } finally {
    around.close();
  }
  return false;
}

async function isOld(path: string, now: Date): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && now.getTime() - found.mtimeMs > abandonedMs;
}

function workspaceOf(seen: string): string {
  return seen.slice(0, -seenEnding.length);
}

function spaceOf({ processSpace }: Client): string {
  return processSpace === null ? "any" : createHash("sha256").update(processSpace).digest("hex").slice(0, 8);
}
