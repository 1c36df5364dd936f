import type { BackupContent, BothContents, BothOptions, OnProgress } from "../../backup/engine.ts";
import { isLarge, runApart, together } from "../apart/large_file.ts";
import { proveCopy } from "./copy.ts";
import { dumpHere, type DumpJob } from "./dump.ts";

interface DumpWatch {
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
  readonly onReady?: () => void;
}

/** Copies a file, a large one in a thread. */
export function dump(job: DumpJob, watch: DumpWatch): Promise<BackupContent> {
  return isLarge(job.path) ? runApart(job, watch) : dumpHere(job, watch);
}

/**
 * Copies a file and proves the copy. Of a large one the proof begins as soon as the copy is complete, while what the
 * database holds is still being read: both read a whole file, and neither needs the other's result.
 */
export async function dumpAndProve(
  job: DumpJob,
  { signal, onProgress, isQuick }: BothOptions & { readonly signal: AbortSignal },
): Promise<BothContents> {
  if (!isLarge(job.path)) {
    const copied = await dump(job, { signal, onProgress: onProgress?.dump });
    onProgress?.prove(0);
    return { ...await proveCopy(job.to, { signal, onProgress: onProgress?.prove }), copied };
  }
  const ready = Promise.withResolvers<void>();
  let isReady = false;
  const onReady = () => {
    isReady = true;
    ready.resolve();
  };
  const onCopied: OnProgress = (share) => {
    if (!isReady) onProgress?.dump(share);
  };
  const [copied, proven] = await together(signal, (signal) => {
    const copying = dump(job, { signal, onProgress: onCopied, onReady });
    // A copy that fails before it is complete never says that it is.
    const proving = Promise.race([ready.promise, copying]).then(() => {
      onProgress?.prove(0);
      return proveCopy(job.to, { signal, onProgress: onProgress?.prove, isQuick });
    });
    return [copying, proving];
  });
  return { ...proven, copied };
}
