import { neverMet } from "../../../base/errors.ts";
import { serveThread } from "../apart/thread.ts";
import { proveHere } from "../backup/copy.ts";
import { dumpHere, type DumpJob } from "../backup/dump.ts";
import { writeHere, type WriteJob } from "../driver.ts";

type Job = DumpJob | WriteJob | { readonly verb: "prove"; readonly path: string };

// What a thread runs that does a job with a large file.
await serveThread((given, signal, onProgress) => {
  const job = given as Job;
  switch (job.verb) {
    case "dump":
      return dumpHere(job, { signal, onProgress });
    case "prove":
      return proveHere(job.path, { signal, onProgress });
    case "write":
      return writeHere(job);
    default:
      throw neverMet(job);
  }
});
