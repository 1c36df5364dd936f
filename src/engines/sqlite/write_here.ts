import { sqliteFileUrl } from "../../base/url/sqlite_url.ts";
import type { WatchedBatch } from "../watch/figures.ts";
import type { FileJob } from "./apart/large_file.ts";
import { openFile } from "./connection/open_file.ts";
import type { Fence } from "./lock/lock.ts";
import { commit, runTransaction, whenFree } from "./transaction/run.ts";
import { openStatements } from "./transaction/statements.ts";
import type { SqliteBatch } from "./transaction/transaction.ts";
import { type BatchWatch, watchBatch } from "./watch/batch.ts";
import { takeNoCare } from "./watch/no_care.ts";

/** A batch that a thread writes, over a connection of its own. */
export interface WriteJob extends FileJob, Pick<SqliteBatch, "statements" | "mode"> {
  readonly verb: "write";
  readonly url: string;
  readonly fence: Pick<Fence, "first" | "last"> | undefined;
  /** See `watchBatch`; `null` where nobody watches. */
  readonly commitMs: number | null;
  readonly isThrowAway: boolean;
}

/** What came of a {@link WriteJob}. */
export interface Written {
  /** How many rows each statement changed. */
  readonly changed: number[];
  /** `null` where nobody watches. */
  readonly watched: WatchedBatch | null;
}

/** Writes a batch in the thread that calls it. */
export async function writeHere(
  { path, url, fence, commitMs, isThrowAway, ...batch }: WriteJob,
): Promise<Written> {
  const statements = openStatements(openFile(sqliteFileUrl(path, url), "write"), { url, path });
  if (isThrowAway) takeNoCare(statements.handle);
  // Whose the lock is knows what has passed.
  const passive = fence &&
    { ...fence, passed: () => {}, settle: () => Promise.resolve("committed" as const) };
  let begun = 0;
  let watch: BatchWatch | undefined;
  try {
    const { result: changed } = await whenFree(() => {
      watch = commitMs === null ? undefined : watchBatch(statements.handle, path, commitMs);
      return runTransaction(statements, { ...batch, fence: passive }, (ran) => {
        begun = ran.begun;
        watch?.beforeCommit();
        return commit(ran);
      });
    });
    return { changed, watched: watch?.end(performance.now() - begun) ?? null };
  } finally {
    statements.handle.close();
  }
}
