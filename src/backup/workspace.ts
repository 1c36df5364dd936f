import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HarborError, messageOf } from "../base/errors.ts";
import { manifestPathOf } from "./rules/manifest.ts";
import type { Client } from "../engines/database.ts";
import { type OpenFolder, openFolder, openPrivateFolder } from "../base/files/open_folder.ts";

/**
 * While a backup is made, all of it is in a folder `.ID.PID.SPACE.partial` beside the finished ones. When the process
 * dies, the next one sees by the name that nobody works there any more.
 */
const pattern = /^\.(.+)\.(\d+)\.([0-9a-f]{8}|any)\.partial$/;

/** After this long nobody works there, whatever the process's number says: numbers are given out again. */
const abandonedMs = 24 * 3_600_000;

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
  const name = `.${id}.${client.pid}.${spaceOf(client)}.partial`;
  const path = join(folder, name);
  const around = openFolder(folder);
  let own: OpenFolder | undefined;
  try {
    await makeFolder(around, name);
    ours.add(path);
    own = openPrivateFolder(around, name);
    return await work(own.path("."), around);
  } finally {
    own?.close();
    await rm(around.path(name), { recursive: true, force: true });
    ours.delete(path);
    around.close();
  }
}

async function makeFolder(around: OpenFolder, name: string): Promise<void> {
  try {
    await mkdir(around.path(name), { mode: 0o700 });
  } catch (error) {
    throw new HarborError("file_failed", `Cannot write in "${around.place}": ${messageOf(error)}`, {
      hint: "Run as the user that owns the folder, or use another one: --backup-dir <dir>",
      cause: error,
    });
  }
}

/**
 * Removes what runs left that died: their folders, and files that had got their name but no manifest.
 *
 * @returns How many runs had died
 */
export async function clearLeftovers(folder: string, client: Client, now: Date): Promise<number> {
  const names = await readdir(folder);
  const left = names.map((name) => pattern.exec(name)).filter((match) => match !== null);
  let count = 0;
  for (const [name, id, pid, space] of left) {
    const path = join(folder, name);
    if (ours.has(path) || !await isAbandoned(path, { pid: Number(pid), space: space!, client, now })) {
      continue;
    }
    for (const file of names.filter((each) => each.startsWith(`${id}.`))) {
      const isComplete = file.endsWith(".json") || existsSync(manifestPathOf(join(folder, file)));
      if (!isComplete) await rm(join(folder, file), { force: true });
    }
    await rm(path, { recursive: true, force: true });
    count++;
  }
  return count;
}

interface Owner {
  readonly pid: number;
  readonly space: string;
  readonly client: Client;
  readonly now: Date;
}

async function isAbandoned(path: string, { pid, space, client, now }: Owner): Promise<boolean> {
  // What has this process's number and is not ours is from an earlier one.
  if (space !== "any" && space === spaceOf(client) && (pid === client.pid || !client.isAlive(pid))) {
    return true;
  }
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && now.getTime() - found.mtimeMs > abandonedMs;
}

function spaceOf({ processSpace }: Client): string {
  return processSpace === null ? "any" : createHash("sha256").update(processSpace).digest("hex").slice(0, 8);
}
