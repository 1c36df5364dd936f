import { serveThread } from "../../thread.ts";
import { proveHere } from "./copy.ts";
import { dumpHere } from "./dump.ts";
import type { CopyJob } from "./large_file.ts";

// What a thread runs that does a job for a large file.
await serveThread((given, signal, onProgress) => {
  const job = given as CopyJob;
  return job.verb === "dump"
    ? dumpHere(job, { signal, onProgress })
    : proveHere(job.path, { signal, onProgress });
});
