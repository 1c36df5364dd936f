import type { Trial } from "../../engines/backup_engine.ts";
import { openDatabase } from "../../engines/open/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { App } from "../../cli/app.ts";

/** Runs work with the context of a copy that was restored aside. */
export async function withTrial<T>(
  { system: { client } }: App,
  context: RunContext,
  { url, options }: Pick<Trial, "url" | "options">,
  work: (copy: RunContext) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(url, { client, access: "write", ...options });
  try {
    return await work({ ...context, database });
  } finally {
    await database.close();
  }
}
