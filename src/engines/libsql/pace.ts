import type { BatchPace } from "../database.ts";
import { batchTimes } from "../pace.ts";

/** A server's lock is passed on in turn; what is waited for is mostly the way there and back. */
export const serverPace: BatchPace = { batchMs: batchTimes.server, rest: 0.5 };
