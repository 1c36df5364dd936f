import type { HarborError } from "../../../base/errors.ts";
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/** A process that has a file open for writing. */
export interface Opener {
  readonly pid: number;
  /** Its program's name. */
  readonly name: string;
}

/**
 * Lists the other processes that have a file open for writing, whether they hold a lock on it or not. Sees those of
 * this user, and all of them as root; none where there is no `/proc`.
 */
export function openersOf(path: string): readonly Opener[] {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (file === undefined) return [];
  const own = attempt(() => readlinkSync("/proc/self"));
  const pids = attempt(() => readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== own)) ?? [];
  return pids.filter((pid) => hasOpen(pid, file)).map((pid) => ({
    pid: Number(pid),
    name: attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "unknown",
  }));
}

/** Names in the error of a file that is locked who has it open: its lock may last for as long as that program does. */
export function namingOpeners(error: HarborError, path: string): HarborError {
  const openers = error.code === "busy" ? openersOf(path) : [];
  if (openers.length === 0) return error;
  const names = openers.map(({ pid, name }) => `pid ${pid} (${name})`).join(", ");
  return error.with({ hint: [...error.hintLines, `These have it open for writing: ${names}`] });
}

function hasOpen(pid: string, file: { readonly dev: bigint; readonly ino: bigint }): boolean {
  const handles = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return handles.some((handle) => {
    const target = attempt(() => statSync(`/proc/${pid}/fd/${handle}`, { bigint: true }));
    return target?.ino === file.ino && target.dev === file.dev && isForWriting(pid, handle);
  });
}

/** The lowest two bits of the flags, in octal, are 0 for reading only. */
function isForWriting(pid: string, handle: string): boolean {
  const info = attempt(() => readFileSync(`/proc/${pid}/fdinfo/${handle}`, "utf8")) ?? "";
  const flags = /^flags:\s*([0-7]+)/m.exec(info)?.[1];
  return flags === undefined || (parseInt(flags, 8) & 3) !== 0;
}

/** Processes end while they are looked at, and some may not be looked at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
