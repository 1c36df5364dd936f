import { statSync } from "node:fs";
import { runInThread, type ThreadOptions } from "./thread.ts";

/** A piece of work with a file; `thread/main.ts` knows them all. */
export interface FileJob {
  readonly verb: "dump" | "check" | "read" | "compare" | "write" | "query";
  readonly path: string;
}

/** How large a file is whose reading takes longer than it takes to start a thread. */
const largeBytes = 16 * 1024 * 1024;

/** Whether a file is so large that SQLite lets nothing else run for a while when it copies, checks or rebuilds. */
export function isLarge(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= largeBytes;
}

/** Does a job in a thread of its own. */
export function runApart<Result>(job: FileJob, options: ThreadOptions = {}): Promise<Result> {
  return runInThread(entry, job, options);
}

/** Runs two jobs that only count together: when one fails, the other is told to stop, and waited for. */
export async function together<A, B>(
  signal: AbortSignal,
  start: (signal: AbortSignal) => readonly [Promise<A>, Promise<B>],
): Promise<[A, B]> {
  const failed = new AbortController();
  const both = start(AbortSignal.any([signal, failed.signal]));
  try {
    return await Promise.all(both);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(both);
    throw error;
  }
}

/** In the bundle all files lie beside each other. */
const entry = new URL(
  import.meta.url.endsWith(".ts") ? "../thread/main.ts" : "./sqlite_thread.js",
  import.meta.url,
);
