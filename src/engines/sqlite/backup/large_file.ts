import { statSync } from "node:fs";
import { runInThread, type ThreadOptions } from "../../thread.ts";

/** What is done with a file: it is copied to `to`, or proven to be a whole copy. */
export type CopyJob =
  | { readonly verb: "dump"; readonly path: string; readonly url: string; readonly to: string }
  | { readonly verb: "prove"; readonly path: string };

/** How large a file is whose reading takes longer than it takes to start a thread. */
const largeBytes = 16 * 1024 * 1024;

/**
 * Does a job by `here`, or in a thread of its own where the file is large: SQLite lets nothing else run while it copies
 * or checks.
 */
export async function apartIfLarge<Result>(
  job: CopyJob,
  options: ThreadOptions,
  here: () => Promise<Result>,
): Promise<Result> {
  const bytes = statSync(job.path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes < largeBytes) return await here();
  return await runInThread<Result>(new URL("./thread_main.ts", import.meta.url), job, options);
}
