import { neverMet } from "../../../base/errors.ts";
import { serveThread } from "../apart/thread.ts";
import { checkHere, type ProofJob, readHere } from "../backup/copy.ts";
import { dumpHere, type DumpJob } from "../backup/dump.ts";
import { writeHere, type WriteJob } from "../driver.ts";

type Job = DumpJob | ProofJob | WriteJob;

// What a thread runs that does a job with a large file.
await serveThread(async (given, options) => {
  const job = given as Job;
  switch (job.verb) {
    case "dump":
      return await dumpHere(job, options);
    case "check":
      return await checkHere(job.path);
    case "read":
      return await readHere(job.path, options);
    case "write":
      return await writeHere(job);
    default:
      throw neverMet(job);
  }
});
