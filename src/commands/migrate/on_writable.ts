import { HarborError } from "../../base/errors.ts";
import type { App } from "../../cli/app.ts";
import type { OpenOptions } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";

/**
 * Runs `work` on the database opened to be written; where that is refused and there is nothing to do, opened to be read.
 *
 * @param needsNoWrite Whether nothing would be written
 * @throws {HarborError} `read_only` where something is
 */
export async function onWritable<T>(
  app: App,
  access: OpenOptions["access"],
  { needsNoWrite, work }: {
    readonly needsNoWrite: (context: RunContext) => Promise<boolean>;
    readonly work: (context: RunContext) => Promise<T>;
  },
): Promise<T> {
  let isOpen = false;
  try {
    return await app.withRun(access, (context) => {
      isOpen = true;
      return work(context);
    });
  } catch (error) {
    if (isOpen || !(error instanceof HarborError) || error.code !== "read_only") throw error;
    return await app.withRun("read", async (context) => {
      if (!await needsNoWrite(context)) throw error;
      return await work(context);
    });
  }
}
