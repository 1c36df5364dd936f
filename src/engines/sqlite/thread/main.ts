import { neverMet } from "../../../base/errors.ts";
import type { QueryJob } from "../apart/query.ts";
import { serveThread } from "../apart/thread.ts";
import { queryHere } from "../as_is_driver.ts";
import { checkHere, type CheckJob, readHere, type ReadJob } from "../backup/copy.ts";
import { compareHere, type CompareJob } from "../backup/hold_file.ts";
import { dumpHere, type DumpJob } from "../backup/dump.ts";
import { writeHere, type WriteJob } from "../write_here.ts";

type Job = DumpJob | CheckJob | ReadJob | CompareJob | WriteJob | QueryJob;

// What a thread runs that does a job with a large file.
await serveThread(async (given, options) => {
  const job = given as Job;
  switch (job.verb) {
    case "dump":
      return await dumpHere(job, options);
    case "check":
      return await checkHere(job);
    case "read":
      return await readHere(job.path, options);
    case "compare":
      return compareHere(job);
    case "query":
      return await queryHere(job);
    case "write":
      return await writeHere(job);
    default:
      throw neverMet(job);
  }
});
