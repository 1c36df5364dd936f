import { readFileSync } from "node:fs";

/** What Linux counts of the thread that reads it: its time on a processor, and its time in line for one, in nanoseconds. */
const countsPath = "/proc/thread-self/schedstat";

/**
 * Returns for how long the calling thread has been ready to run while the processors ran others, in milliseconds. Waiting for a
 * disk or a lock is no part of it. It is 0 where the system does not tell, which is everywhere but on Linux.
 *
 * Source: https://docs.kernel.org/scheduler/sched-stats.html
 */
export function inLineMs(path = countsPath): number {
  try {
    return (Number(readFileSync(path, "utf8").split(" ")[1]) || 0) / 1e6;
  } catch {
    return 0;
  }
}
